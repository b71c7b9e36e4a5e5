"""Files as data sets are delivered in: archives, pictures, pickles, downloads."""
