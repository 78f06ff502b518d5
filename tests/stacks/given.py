"""What a server of one case is told: `NAME.py MISTAKE PORT`, or CASE where the program that loads it has no arguments for it."""
import os
import sys

MISTAKE, PORT = os.environ["CASE"].split() if "CASE" in os.environ else sys.argv[1:3]
PORT = int(PORT)
FAMILY, OWN = MISTAKE.split("_", 1)
HOST, A, B = "127.0.0.1", "http://app.one.test:18901", "http://app.two.test:18902"
METHODS = ["GET", "POST", "PUT", "DELETE"]
PATHS = ["/items", "/other", "/me"]
