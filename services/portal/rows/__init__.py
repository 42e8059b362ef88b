"""The portal's tables (门户读模型各表), one room each.

``declare(metadata)`` gives the table or tables, ``project(model, tables)`` says what events do to them.
"""
