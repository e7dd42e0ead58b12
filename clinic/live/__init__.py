"""The bus, and streams from it to browsers: what happened shows on open pages within a second.

Domain-free. A floor above says *who* may listen (`subjects`), opens a page's stream (`page`) and
publishes (`bus`); how an event travels from a committed transaction to a socket is all in here.
"""
