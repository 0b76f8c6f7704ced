"""The Flask extensions, made here and initialised in `create_app`."""

from __future__ import annotations

from flask_babel import Babel
from flask_compress import Compress
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

from huntaze.models.base import Base

# Models subclass Base itself; `db` brings the engines and the request's session.
db = SQLAlchemy(model_class=Base)
migrate = Migrate()
login = LoginManager()
babel = Babel()
compress = Compress()
