"""The commands of ``python -m playitback``: each file has ``add_arguments(parser)`` and ``main(arguments)``."""
