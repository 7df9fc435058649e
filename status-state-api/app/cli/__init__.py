"""The command line `status-state`: asks the SSA in whose container it runs. A group of commands per file; `main` names them.

It starts for every call, so it imports little: no framework, no store, no SDK (`pyproject.toml` says what, a test checks it).
"""
