"""The book's folder `dataset`."""
