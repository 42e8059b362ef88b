"""The portal (门户): the house's windows over HTTP. It decides nothing: it asks the services by RPC, and reads the log and read models.

    web/        what every page stands on: the application, login, safety, problems, pictures, words, the layout
    api/        every RPC of every service for staff front ends (OpenAPI 3.1)
    desk/       the staff's desk (办事窗口): worklists, forms, cases
    sunshine/   what the public may see (阳光公开)
    audit/      for auditors (审计): any stream at any moment, causes, replay, receipts
    ops/        for operators (运行): lags, queues, dead letters

Each of the five doors is a package whose ``install(app, portal)`` adds its pages; ``read_model.py`` and ``rows/`` hold what they read.
"""
