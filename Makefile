# adit: `make help` says what can be made.

B     ?= release
FUZZ_TIME ?= 60
PREFIX ?= /usr/local
V     ?=
UPNP  ?=
ifeq ($(origin CC),default)
CC    := gcc
endif
TARGET ?= $(subst -pc-,-,$(shell $(CC) -dumpmachine 2>/dev/null || echo $$(uname -m)-linux-gnu))
MUSL  := $(shell uname -m)-linux-musl
ifneq ($(filter %-musl,$(TARGET)),)
STATIC := 1
ifeq ($(CC),gcc)
CC    := musl-gcc
endif
endif
MAKEFLAGS += --no-print-directory
Q     := $(if $(V),,@)
say    = @$(if $(V),:,echo '  $(1)	$(2)')
VERSION := $(shell sed -n 's/^\#define ADIT_VERSION "\(.*\)"/\1/p' include/adit/adit.h)
COMMON := build/$(TARGET)/$(B)$(if $(findstring clang,$(CC)),-clang)
O     := $(COMMON)$(if $(UPNP),-upnp)

# Libraries live in a directory named after what they are made of, so that work trees which share
# build/deps cannot disturb each other: DEPS those we always build, EXT the rest for static targets.
DEPS_ID := $(shell cat deps/build.mk $(sort $(wildcard deps/*.[ch] deps/patches/*/*)) | cksum | cut -d' ' -f1)
DEPS  := build/deps/$(TARGET)/$(DEPS_ID)
DEPL  := $(DEPS)/$(or $(filter tsan,$(B)),$(patsubst fuzz,asan,$(filter asan fuzz,$(B))),lib)
EXT   := build/deps/$(TARGET)/$(shell cksum <deps/static.mk | cut -d' ' -f1)

# ---- flags ------------------------------------------------------------------------------------

SAN   := -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all
FLAGS.release := -O2 -g -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 \
                 -ffunction-sections -fdata-sections $(if $(STATIC),-fno-asynchronous-unwind-tables,-fno-plt)
FLAGS.debug   := -O0 -g3 -Werror
FLAGS.asan    := $(SAN) -Werror -fsanitize=address,undefined
FLAGS.tsan    := $(SAN) -fsanitize=thread
FLAGS.fuzz    := $(SAN) -fsanitize=address,undefined,fuzzer-no-link
FLAGS.cov     := -O0 -g --coverage
WARN  := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes

ALL_CFLAGS  = -std=c17 -D_GNU_SOURCE -fPIC -fvisibility=hidden -pthread $(WARN) $(FLAGS.$(B)) \
              -Iinclude -isystem $(DEPS)/include -isystem $(EXT)/include $(HAVE) -MMD -MP $(CFLAGS)
ALL_LDFLAGS = -pthread $(filter -fsanitize% --coverage,$(FLAGS.$(B))) -Wl,-z,relro,-z,now \
              -Wl,--gc-sections $(if $(STATIC),$(STATIC_PIE),-pie) $(LDFLAGS)
# A static program whose addresses are random as well; musl-gcc does not know how to by itself. Its start files
# are beside the one that it would take; -print-file-name would find those of the other libc.
CRT         = $(dir $(shell $(CC) -v -xc /dev/null -o /dev/null 2>&1 | tr ' ' '\n' | grep -m1 'crt1\.o'))
STATIC_PIE  = -static -nostartfiles -Wl,-pie,--no-dynamic-linker,-z,text,-T,deps/no-unwind.ld $(addprefix $(CRT),rcrt1.o crti.o crtn.o)

# ---- libraries: those whose header the sources include, from the first to the last --------------

INCLUDED := $(shell sed -n 's/^ *\# *include <\([a-z]*\.h\)>.*/\1/p' $(wildcard src/*/*.[ch]) /dev/null | sort -u)
has       = $(if $(STATIC),yes,$(shell echo '\#include <$(1)>' | $(CC) -E - >/dev/null 2>&1 && echo yes))
use       = $(if $(filter $(1),$(INCLUDED)),$(if $(call has,$(1)),$(2)))

BUILT := usrsctp nice wslay http_parser
FOUND := $(call use,jansson.h,jansson) $(call use,ares.h,cares) $(call use,qrencode.h,qrencode) \
         $(if $(STATIC),,$(call use,yaml.h,yaml)) $(if $(UPNP),miniupnpc)
HAVE  := $(if $(filter yaml,$(FOUND)),-DADIT_HAVE_YAML=1) $(if $(filter cares,$(FOUND)),-DADIT_HAVE_CARES=1) \
         $(if $(filter qrencode,$(FOUND)),-DADIT_HAVE_QRENCODE=1)
LINK_LIBS = -L$(DEPL) -L$(EXT)/lib $(BUILT:%=-l%) $(FOUND:%=-l%) -lssl -lcrypto

# ---- sources ----------------------------------------------------------------------------------

# UPNP=1, with miniupnpc: a few files are another program's, the rest are those of the program without.
UPNP_SRC := $(if $(UPNP),$(shell grep -l 'ADIT_HAVE_MINIUPNPC\|include "[a-z]*/igd.h"' src/*/*.c))
ifneq ($(and $(UPNP),$(STATIC)),)
$(error UPNP=1 is not for static programs)
endif

obj = $(patsubst %.c,$(COMMON)/%.o,$(filter-out $(UPNP_SRC),$(1))) $(patsubst %.c,$(O)/%.o,$(filter $(UPNP_SRC),$(1)))
exe = $(patsubst %.c,$(O)/%,$(1))

CLI_SRC  := $(wildcard src/cli/*.c)
LIB_SRC  := $(filter-out $(CLI_SRC),$(wildcard src/*/*.c))
SIM_SRC  := $(filter-out tests/sim/test_%,$(wildcard tests/sim/*.c))
HELP_SRC := $(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c))
EXAMPLES := $(call exe,$(wildcard examples/*.c))
TESTS    := $(call exe,$(wildcard tests/unit/test_*.c tests/sim/test_*.c))
FUZZERS  := $(call exe,$(wildcard tests/fuzz/fuzz_*.c))
TOOLS    := $(call exe,$(wildcard tests/bench/*.c))
ARCHIVES := $(O)/libadit-cli.a $(O)/libadit.a
DEP_LIBS := $(BUILT:%=$(DEPL)/lib%.a)

#: make               the program and the library, optimised, in build/TARGET/release
all: $(O)/libadit.a $(if $(CLI_SRC),$(O)/adit)

everything: all $(TESTS) $(FUZZERS) $(EXAMPLES) $(TOOLS)

# A static program is for routers: what no packet passes through is made small there.
HOT := $(addprefix src/,base/% dtls/% sctp/% tun/% core/udp% core/reactor% core/stream_io% core/dgram% peer/engine% \
       ice/ice% app/mux% app/pace% app/endpoint% app/vpn%)
os   = $(if $(STATIC),$(if $(filter-out $(HOT),$(filter src/%,$(1))),-Os))

define compile
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) $(if $(filter examples/%,$<),,-Isrc) $(if $(filter tests/%,$<),-Itests) $(call os,$<) \
	    $(if $(filter $(UPNP_SRC),$<),-DADIT_HAVE_MINIUPNPC=1) -c $< -o $@
endef

$(O)/%.o: %.c $(O)/flags | $(DEPS)/include/usrsctp.h $(if $(STATIC),$(EXT)/lib/.openssl)
	$(compile)
ifdef UPNP_SRC
$(COMMON)/%.o: %.c $(COMMON)/flags | $(DEPS)/include/usrsctp.h
	$(compile)
endif

$(O)/libadit.a: $(call obj,$(LIB_SRC))
$(O)/libadit-cli.a: $(call obj,$(filter-out src/cli/main.c,$(CLI_SRC)))
$(O)/libsim.a: $(call obj,$(SIM_SRC))
$(O)/libhelp.a: $(call obj,$(HELP_SRC))
$(O)/%.a: $(O)/files
	@mkdir -p $(@D)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $(filter %.o,$^)

define link
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $(filter %.o,$^) $(filter %.a,$^) $(LINK_LIBS) $(1) -o $@
endef

$(O)/adit: $(call obj,src/cli/main.c) $(ARCHIVES) $(DEP_LIBS)
	$(call link)
$(O)/examples/%: $(O)/examples/%.o $(O)/libadit.a $(DEP_LIBS)
	$(call link)
$(O)/tests/%: $(O)/tests/%.o $(O)/libsim.a $(O)/libhelp.a $(ARCHIVES) $(DEP_LIBS)
	$(call link,-lcmocka)
# Not the simulator: it has a clock_gettime of its own, which a program that calls that would get.
$(O)/tests/bench/%: $(O)/tests/bench/%.o $(ARCHIVES) $(DEP_LIBS)
	$(call link)
ifeq ($(B),fuzz)
$(O)/tests/fuzz/%: $(O)/tests/fuzz/%.o $(O)/libsim.a $(ARCHIVES) $(DEP_LIBS)
	$(call link,-fsanitize=fuzzer)
else
$(O)/tests/fuzz/%: $(O)/tests/fuzz/%.o $(O)/tests/fuzz/driver.o $(O)/libsim.a $(ARCHIVES) $(DEP_LIBS)
	$(call link)
endif

# What the objects depend on and no file shows: the flags, and which files there are.
keep = @mkdir -p $(@D) && echo '$(1)' | cmp -s - $@ || echo '$(1)' >$@
$(sort $(O)/flags $(COMMON)/flags): FORCE
	$(call keep,$(CC) $(ALL_CFLAGS))
$(O)/files: FORCE
	$(call keep,$(LIB_SRC) $(CLI_SRC) $(SIM_SRC) $(HELP_SRC) $(UPNP_SRC))
FORCE:

-include $(shell find $(sort $(O) $(COMMON)) -name '*.d' 2>/dev/null)

# ---- dependencies: packages and sources by scripts/deps, libraries by deps/*.mk -----------------

#: make deps          install packages, fetch and build libraries (SOURCES=dir: from a directory)
deps:
	$(Q)CC=$(CC) scripts/deps packages build option test static $(if $(UPNP),upnp)
	$(Q)scripts/deps fetch $(BUILT)
	$(Q)$(MAKE) deps-built

deps-built: $(DEP_LIBS) $(if $(STATIC),$(EXT)/lib/.openssl)
	@:

# One at a time, because build/deps may be shared.
missing = { echo 'dependencies are missing: run `make deps` first' >&2; exit 1; }
$(DEPS)/include/usrsctp.h: | $(DEPS)/lib/libusrsctp.a ;
$(DEPS)/%.a: $(if $(STATIC),| $(EXT)/lib/.openssl)
	@test -d build/deps/src/usrsctp || $(missing)
	$(Q)scripts/deps fetch $(BUILT)
	$(Q)flock build/deps/lock $(MAKE) -f deps/build.mk T=$(DEPS) EXT=$(EXT) CC=$(CC) VARIANT=$(*D) NEED="$(BUILT)"
$(EXT)/lib/.openssl: $(FOUND:%=$(EXT)/lib/.%)
$(EXT)/lib/.%:
	@test -d build/deps/src/$* || CC=gcc scripts/deps fetch $*
	$(Q)flock build/deps/lock $(MAKE) -f deps/static.mk \
	    T=$(CURDIR)/$(EXT) TARGET=$(TARGET) CC=$(CC) NEED=$*

# ---- what is made of it -----------------------------------------------------------------------

#: make static        one static program without libraries, for any Linux of this architecture
STATIC_BYTES_MAX := 3500000
static:
	$(Q)CC=gcc scripts/deps packages build static
	$(Q)scripts/deps fetch $(BUILT)
	$(Q)$(MAKE) TARGET=$(MUSL) B=release static-here
static-here: $(O)/adit
	$(Q)strip -o build/adit-static $<
	@size=$$(stat -c %s build/adit-static); echo "build/adit-static: $$size bytes (at most $(STATIC_BYTES_MAX))"; \
	    [ $$size -le $(STATIC_BYTES_MAX) ]

#: make install       program, libraries, header, manual page (PREFIX=/usr/local DESTDIR=)
$(O)/libadit.so.0: $(O)/libadit.a $(DEP_LIBS) scripts/adit.map
	$(call say,LINK,$@)
	$(Q)$(CC) -shared -pthread $(filter -fsanitize%,$(FLAGS.$(B))) -Wl,-soname,$(@F) -Wl,-z,relro,-z,now -Wl,-z,defs \
	    -Wl,--version-script,scripts/adit.map -Wl,--whole-archive $< -Wl,--no-whole-archive $(LINK_LIBS) $(LDFLAGS) -o $@
# The static library has ours and those we build, and only our names.
$(O)/install/libadit.a: $(O)/libadit.a $(DEP_LIBS)
	@mkdir -p $(@D)
	$(call say,AR,$@)
	$(Q)ld -r -o $(@D)/adit.o --whole-archive $^
	$(Q)objcopy --localize-hidden $(@D)/adit.o
	$(Q)rm -f $@ && ar rcs $@ $(@D)/adit.o
$(O)/install/adit.pc: scripts/adit.pc.in FORCE
	@mkdir -p $(@D)
	$(Q)sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|; s|@LIBS@|$(FOUND:%=-l%)|' $< >$@
install: all $(O)/libadit.so.0 $(O)/install/libadit.a $(O)/install/adit.pc
	install -Dm755 $(O)/adit $(DESTDIR)$(PREFIX)/bin/adit
	install -Dm644 include/adit/adit.h $(DESTDIR)$(PREFIX)/include/adit/adit.h
	install -Dm644 $(O)/install/libadit.a $(DESTDIR)$(PREFIX)/lib/libadit.a
	install -Dm755 $(O)/libadit.so.0 $(DESTDIR)$(PREFIX)/lib/libadit.so.0
	ln -sfn libadit.so.0 $(DESTDIR)$(PREFIX)/lib/libadit.so
	install -Dm644 $(O)/install/adit.pc $(DESTDIR)$(PREFIX)/lib/pkgconfig/adit.pc
	install -Dm644 docs/adit.1 $(DESTDIR)$(PREFIX)/share/man/man1/adit.1

#: make demo          two hosts behind NATs, a tunnel between them, figures (needs root or user namespaces)
demo: deps
	$(Q)$(MAKE) all
	$(Q)ADIT=$(CURDIR)/$(O)/adit BUILD=$(CURDIR)/$(O) tests/e2e/demo.sh

compile_commands.json: $(O)/files $(O)/flags
	$(Q)for f in $(LIB_SRC) $(CLI_SRC) $(wildcard tests/*/*.c examples/*.c); do \
	        echo ",{\"directory\":\"$(CURDIR)\",\"file\":\"$$f\",\"command\":\"$(CC) $(ALL_CFLAGS) -Isrc -Itests -c $$f\"}"; \
	    done | sed '1s/^,/[/' >$@ && echo ']' >>$@

# ---- checks -----------------------------------------------------------------------------------

#: make check         unit, simulated and fuzz-corpus tests of one variant (B=asan|tsan|debug|cov, T=name)
check: everything
	$(Q)tests/run -j 2 $(if $(T),$(foreach t,$(T),$(filter %/$(t) %/test_$(t) %/fuzz_$(t),$(TESTS) $(FUZZERS))),$(TESTS) $(FUZZERS))

#: make seeds         relays, restarts, paths and guessed ports, simulated SIM_SEEDS=1000 times each
SEEDED := test_turn test_restart test_path test_guess
seeds: everything
	$(Q)SIM_SEEDS=$(or $(SIM_SEEDS),1000) tests/run -j 2 --timeout 3600 $(SEEDED:%=$(O)/tests/sim/%)

#: make test          everything: dependencies, all programs, all tests; ends with one line of counts
test: deps
	$(Q)scripts/deps packages upnp
	$(Q)tests/all

#: make e2e           the end-to-end tests alone (T=name: one of them)
e2e: everything
	$(Q)ADIT=$(CURDIR)/$(O)/adit BUILD=$(CURDIR)/$(O) tests/run -j 4 $(or $(T:%=tests/e2e/%.sh),$$(tests/all list))

#: make matrix        every pair of networks in the laboratory: a table of paths and seconds (COTURN=1: by coturn)
matrix: all
	@mkdir -p build
	$(Q)ADIT=$(CURDIR)/$(O)/adit TABLE=build/matrix.tsv tests/e2e/long/matrix.sh $(if $(COTURN),--coturn)

#: make interop       install other WebRTC stacks (heavy) and talk to each
interop: deps
	$(Q)tests/interop/install || true  # what is missing is skipped by name
	$(Q)tests/all interop
interop-deps:
	$(Q)tests/interop/install

#: make lint          format, include arrows, names, clocks
lint: deps
	$(Q)scripts/deps packages lint
	$(Q)$(MAKE) all
	$(Q)BUILD=$(O) tests/run $(if $(SUM),--sum $(SUM)) scripts/lint

#: make fuzz          libFuzzer on every target, FUZZ_TIME=60 seconds each (T=name: one of them)
fuzz: deps
	$(Q)scripts/deps packages fuzz
	$(Q)$(MAKE) B=fuzz CC=clang fuzz-here
fuzz-here: $(FUZZERS)
	$(Q)for f in $(if $(T),$(filter %/fuzz_$(T),$(FUZZERS)),$(FUZZERS)); do n=$${f##*/fuzz_}; \
	        mkdir -p build/fuzz/$$n tests/fuzz/corpus/$$n; echo "  FUZZ	$$n"; \
	        $$f -max_total_time=$(FUZZ_TIME) -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
	            -artifact_prefix=build/fuzz/$$n- build/fuzz/$$n tests/fuzz/corpus/$$n \
	            >build/fuzz/$$n.log 2>&1 || { tail -n 40 build/fuzz/$$n.log; exit 1; }; \
	        grep -E 'stat::(number_of_executed_units|new_units_added)' build/fuzz/$$n.log; done

#: make bench         measure; the figures go to build/bench (T=name: one measurement; all take two hours)
bench: all $(TOOLS)
	$(Q)scripts/deps packages bench || true  # what is missing is left out by name
	$(Q)ADIT=$(CURDIR)/$(O)/adit BUILD=$(CURDIR)/$(O) tests/bench/run $(T)

#: make cov           lines of src/ that the tests run
cov:
	$(Q)$(MAKE) B=cov check
	$(Q)scripts/cov build/$(TARGET)/cov

print-tests:
	@echo $(TESTS) $(FUZZERS)
print-out:
	@echo $(O)

clean:
	rm -rf build/$(TARGET) build/$(MUSL) build/fuzz build/adit-static compile_commands.json

#: make help          this list
help:
	@sed -n 's/^#: //p' Makefile
	@echo 'Variables: B=release|debug|asan|tsan|cov  CC=gcc|clang  TARGET=$(TARGET)  V=1  CFLAGS  LDFLAGS'
	@echo '           UPNP=1: ports by UPnP as well, with miniupnpc (build/TARGET/release-upnp)'

.PHONY: all everything deps deps-built static static-here install demo check seeds test e2e matrix interop \
        interop-deps lint fuzz fuzz-here bench cov clean help \
        print-tests print-out FORCE
.SECONDARY:
.DELETE_ON_ERROR:
