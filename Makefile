# What people type. Each target first installs what is missing: see .ci/packages.

PREFIX ?= /usr/local
BIN := $(DESTDIR)$(PREFIX)/bin
SHARE := $(DESTDIR)$(PREFIX)/share
TARGET := $(or $(CARGO_TARGET_DIR),target)
CARGO := cargo

# Where rustup puts cargo, for a shell that was opened before rustup was installed.
export PATH := $(PATH):$(HOME)/.cargo/bin

# The system's directories are root's; one's own and a package's staging directory are not.
AS_ROOT := $(if $(DESTDIR)$(filter $(HOME)/%,$(PREFIX))$(filter 0,$(shell id -u)),,sudo)

.PHONY: help demo test bench install

help:
	@echo 'make demo               the whole story of a ticket, on a made-up school and a virtual clock'
	@echo '     DIR=directory      where it leaves mails and report'
	@echo 'make test               format, lints, documentation, fuzz targets and every test'
	@echo 'make bench              speed and memory beside other programs: see BENCHMARKS.md'
	@echo 'make install            program, manual page and shell completions, below $(PREFIX)'
	@echo '     PREFIX=directory   somewhere else, such as ~/.local; DESTDIR for packagers'

demo:
	@.ci/packages build
	@$(CARGO) build --release --locked
	@$(CARGO) run --release --locked --quiet -- demo $(if $(DIR),--dir '$(DIR)')

test:
	@.ci/packages build test
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps
	$(CARGO) check --locked --manifest-path fuzz/Cargo.toml --no-default-features --target-dir $(TARGET)
	$(CARGO) test --locked

bench:
	@.ci/packages build bench
	$(CARGO) bench --locked

install:
	@.ci/packages build
	$(CARGO) build --release --locked
	@mkdir -p $(TARGET)/install
	$(TARGET)/release/allclear man > $(TARGET)/install/allclear.1
	$(TARGET)/release/allclear completions bash > $(TARGET)/install/allclear.bash
	$(TARGET)/release/allclear completions zsh > $(TARGET)/install/_allclear
	$(TARGET)/release/allclear completions fish > $(TARGET)/install/allclear.fish
	$(AS_ROOT) install -s -Dm755 $(TARGET)/release/allclear '$(BIN)/allclear'
	$(AS_ROOT) install -Dm644 $(TARGET)/install/allclear.1 '$(SHARE)/man/man1/allclear.1'
	$(AS_ROOT) install -Dm644 $(TARGET)/install/allclear.bash '$(SHARE)/bash-completion/completions/allclear'
	$(AS_ROOT) install -Dm644 $(TARGET)/install/_allclear '$(SHARE)/zsh/site-functions/_allclear'
	$(AS_ROOT) install -Dm644 $(TARGET)/install/allclear.fish '$(SHARE)/fish/vendor_completions.d/allclear.fish'
	@echo 'To capture without being root: sudo setcap cap_net_raw+ep $(PREFIX)/bin/allclear'
