"""The web edge: pages for people, an API for programs. It parses, calls one service, and renders; it decides nothing."""
