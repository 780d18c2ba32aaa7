#!/usr/bin/python3
"""The pattern suite: each program of the table runs without and with XCS, as in the end-to-end tests, whose harness this
uses; the rounds that it takes and what it wastes are read from the model server's record.
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))
import run as e2e  # noqa: E402
from table import PATTERNS  # noqa: E402

sys.exit(e2e.main(PATTERNS, __doc__))
