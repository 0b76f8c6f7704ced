"""What gunicorn serves."""

from huntaze import create_app, logs
from huntaze.config import Config
from huntaze.extensions import db
from huntaze.tenancy import refuse_privileged_role

config = Config.from_env()
logs.configure(config.log_level)
app = create_app(config)
with app.app_context():
    refuse_privileged_role(db.engine)
    db.engine.dispose()  # gunicorn forks: no connection may be shared between processes
