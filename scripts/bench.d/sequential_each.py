"""The same, with a connection of its own for each call. Run as it is, and under XCS."""

import requests

import work

work.show(work.text(requests.post(work.URL, json=work.body(i)).json()) for i in range(work.CALLS))
