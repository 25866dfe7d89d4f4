"""Questions to one clip, to two, or to many: explain, what-if, examine, contrast, compare, windows, folder."""
