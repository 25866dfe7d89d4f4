"""The page: a Gradio app in which every playback can be seen, heard and followed."""
