"""The web: routes parse, call one service method and render. They neither query nor commit."""
