"""A layered layout of boxes in boxes, in pure Python (Sugiyama, Tagawa and Toda, 1981)."""
