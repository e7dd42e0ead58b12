"""The one entrance of the web server: pages through WSGI, behind the guard."""

from config.guard import Guard
from config.wsgi import application as pages

application = Guard(pages)
