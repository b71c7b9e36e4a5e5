"""A memory over HTTP, with a page to teach it on. Needs the extra ``serve``."""
