"""The book's folder `common`, module by module."""
