"""The memory over HTTP: what can be asked, who may ask, and the page that shows it."""
