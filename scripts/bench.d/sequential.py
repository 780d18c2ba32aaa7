"""One call after the other, as anyone would write it. Run as it is, and under XCS."""

import requests

import work

session = requests.Session()
work.show(work.text(session.post(work.URL, json=work.body(i)).json()) for i in range(work.CALLS))
