"""What runs inside a sandbox, with the target interpreter: standard library only, relative imports only.

The folder is bound into sandboxes under another name, so nothing here may import the rest of the package.
"""
