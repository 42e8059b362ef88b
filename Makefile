# Aliases for ./minzheng, which does the work and all set-up.
.PHONY: demo up test check bench
demo up test check bench:
	./minzheng $@
