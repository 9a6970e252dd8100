"""The HTTP service: routers call services and nothing below. `application.create_app` puts it together."""
