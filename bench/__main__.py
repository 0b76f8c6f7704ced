"""`make bench`."""

from bench.pages import main

main()
