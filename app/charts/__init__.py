"""Arrays to plotly figures, one file a part of the page; what they share stands in app.figures."""
