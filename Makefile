# adit. `make help` lists what can be made; variables: B=release|debug|asan|tsan|cov, CC, TARGET, V=1.

B ?= release
V ?=
ifeq ($(origin CC),default)
CC := gcc
endif
ARCH   := $(shell uname -m)
TARGET ?= $(subst -pc-,-,$(shell $(CC) -dumpmachine 2>/dev/null || echo $(ARCH)-linux-gnu))
ifneq ($(filter %-musl,$(TARGET)),)
ifeq ($(CC),gcc)
CC := musl-gcc
endif
endif
Q    := $(if $(V),,@)
O    := build/$(TARGET)/$(B)$(if $(findstring clang,$(CC)),-clang)
# The two libraries we build with patches of our own live in a directory named after what they are
# made of, so that work trees which share build/deps cannot disturb each other.
DEPS_ID := $(shell cat deps/build.mk $(sort $(wildcard deps/*.[ch] deps/patches/*/*)) | cksum | cut -d' ' -f1)
DEPS := build/deps/$(TARGET)/$(DEPS_ID)
DEPL := $(DEPS)/$(if $(filter asan tsan,$(B)),$(B),lib)

# ---- flags ------------------------------------------------------------------------------------

FLAGS.release := -O2 -g -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
FLAGS.debug   := -O0 -g3
FLAGS.asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS.tsan    := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
FLAGS.cov     := -O0 -g --coverage
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes $(if $(WERROR),-Werror)
ALL_CFLAGS  = -std=c17 -D_GNU_SOURCE -fPIC -fvisibility=hidden -pthread $(WARN) $(FLAGS.$(B)) \
              -Isrc -Iinclude -isystem $(DEPS)/include -isystem build/deps/$(TARGET)/include $(USE_FLAGS) -MMD -MP $(CFLAGS)
ALL_LDFLAGS = -pthread $(filter -fsanitize% --coverage,$(FLAGS.$(B))) -Wl,-z,relro,-z,now \
              $(if $(STATIC),-static,-pie) $(LDFLAGS)

# ---- libraries: which the sources use now, by the header they include ----------------------------

uses = $(shell grep -lsE 'include <$(1)>' $(wildcard src/*/*.[ch]) | head -n 1)
has  = $(shell echo '\#include <$(1)>' | $(CC) -E -isystem build/deps/$(TARGET)/include - >/dev/null 2>&1 && echo yes)

BUILT := usrsctp nice
LIBS  := -lusrsctp -lnice
LIBS  += $(if $(call uses,jansson.h),-ljansson)
ifneq ($(and $(call uses,ares.h),$(call has,ares.h)),)
LIBS      += -lcares
USE_FLAGS += -DADIT_HAVE_CARES=1
endif
ifneq ($(and $(call uses,qrencode.h),$(call has,qrencode.h)),)
LIBS      += -lqrencode
USE_FLAGS += -DADIT_HAVE_QRENCODE=1
endif
LIBS += -lssl -lcrypto
LINK_LIBS = -L$(DEPL) -Lbuild/deps/$(TARGET)/lib $(LIBS)

# ---- sources ----------------------------------------------------------------------------------

CLI_SRC  := $(wildcard src/cli/*.c)
LIB_SRC  := $(filter-out $(CLI_SRC),$(wildcard src/*/*.c))
SIM_SRC  := $(filter-out tests/sim/test_%,$(wildcard tests/sim/*.c))
HELP_SRC := $(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c))
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
TEST_SRC := $(wildcard tests/unit/test_*.c tests/sim/test_*.c)
EX_SRC   := $(wildcard examples/*.c)
BENCH_SRC := $(wildcard tests/bench/*.c)

obj = $(patsubst %.c,$(O)/%.o,$(1))
exe = $(patsubst %.c,$(O)/%,$(1))

TESTS  := $(call exe,$(TEST_SRC))
FUZZED := $(call exe,$(FUZZ_SRC))
ARCHIVES := $(O)/libadit-cli.a $(O)/libadit.a

all: $(O)/libadit.a $(if $(CLI_SRC),$(O)/adit) $(call exe,$(EX_SRC) $(BENCH_SRC))

tests: all $(TESTS) $(FUZZED)

$(O)/%.o: %.c $(O)/flags | $(DEPS)/include/usrsctp.h
	@mkdir -p $(@D)
	@$(if $(V),:,echo "  CC      $<")
	$(Q)$(CC) $(ALL_CFLAGS) $(if $(filter tests/%,$<),-Itests) -c $< -o $@

$(O)/libadit.a: $(call obj,$(LIB_SRC))
$(O)/libadit-cli.a: $(call obj,$(filter-out src/cli/main.c,$(CLI_SRC)))
$(O)/libsim.a: $(call obj,$(SIM_SRC))
$(O)/libhelp.a: $(call obj,$(HELP_SRC))

$(O)/%.a:
	@mkdir -p $(@D)
	@$(if $(V),:,echo "  AR      $@")
	$(Q)rm -f $@ && ar rcs $@ $^

define do_link
	@$(if $(V),:,echo "  LINK    $@")
	$(Q)$(CC) $(ALL_LDFLAGS) $(filter %.o,$^) $(filter %.a,$^) $(LINK_LIBS) $(1) -o $@
endef

$(O)/adit: $(O)/src/cli/main.o $(ARCHIVES) $(BUILT:%=$(DEPL)/lib%.a)
	$(call do_link)

$(O)/tests/%: $(O)/tests/%.o $(O)/libsim.a $(O)/libhelp.a $(ARCHIVES) $(BUILT:%=$(DEPL)/lib%.a)
	$(call do_link,-lcmocka)

$(O)/tests/fuzz/%: $(O)/tests/fuzz/%.o $(O)/tests/fuzz/driver.o $(O)/libsim.a $(ARCHIVES) $(BUILT:%=$(DEPL)/lib%.a)
	$(call do_link)

$(O)/examples/%: $(O)/examples/%.o $(O)/libadit.a $(BUILT:%=$(DEPL)/lib%.a)
	$(call do_link)

$(O)/tests/bench/%: $(O)/tests/bench/%.o $(ARCHIVES) $(BUILT:%=$(DEPL)/lib%.a)
	$(call do_link)

# Objects are made again when the flags change.
$(O)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(ALL_CFLAGS)' | cmp -s - $@ || echo '$(CC) $(ALL_CFLAGS)' >$@
FORCE:

-include $(shell find $(O) -name '*.d' 2>/dev/null)

# ---- dependencies -----------------------------------------------------------------------------

deps:
	$(Q)scripts/deps packages build option test
	$(Q)scripts/deps fetch $(BUILT)
	$(Q)$(MAKE) --no-print-directory deps-built

deps-built: $(BUILT:%=$(DEPL)/lib%.a)

# One at a time, because build/deps may be shared.
$(DEPS)/include/usrsctp.h: | $(DEPS)/lib/libusrsctp.a ;
$(DEPS)/%.a:
	@test -d build/deps/src/usrsctp || { echo 'dependencies are missing: run `make deps` first' >&2; exit 1; }
	$(Q)flock build/deps/lock $(MAKE) --no-print-directory -f deps/build.mk \
	    T=$(DEPS) CC=$(CC) VARIANT=$(*D) LIBS="$(BUILT)"

# ---- checks -----------------------------------------------------------------------------------

check: tests
	$(Q)tests/run $(TESTS) $(FUZZED)

clean:
	rm -rf build/$(TARGET)

help:
	@sed -n 's/^#: //p' Makefile

.PHONY: all tests deps deps-built check clean help FORCE
.SECONDARY:
.DELETE_ON_ERROR:
