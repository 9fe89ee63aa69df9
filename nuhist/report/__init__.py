"""Pages, figures, tables of comparison and citations: what people look at."""
