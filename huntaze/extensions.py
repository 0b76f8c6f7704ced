"""The Flask extensions, made here and initialised in `create_app`."""

from __future__ import annotations

from flask import Response
from flask_babel import Babel
from flask_compress import Compress
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

from huntaze.models.base import Base


class WiderCompress(Compress):  # type: ignore[misc]
    """Flask-Compress leaves all but 2xx as it is; a refused form is a whole form, or a page (measured: 938 bytes)."""

    def after_request(self, response: Response) -> Response:
        status = response.status
        if 400 <= response.status_code < 500:
            response.status_code = 200
        response = super().after_request(response)
        response.status = status
        return response


# Models subclass Base itself; `db` brings the engines and the request's session.
db = SQLAlchemy(model_class=Base)
migrate = Migrate()
login = LoginManager()
babel = Babel()
compress = WiderCompress()
