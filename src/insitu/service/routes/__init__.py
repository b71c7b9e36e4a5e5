"""The HTTP routes: one file per group, with request and reply models and handlers; a new file is found by itself.

Each module has ``add(app, context)``, which adds its routes.
"""
