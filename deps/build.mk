# The libraries we build ourselves, for one target and one variant, out of build/deps/src.
#   make -f deps/build.mk T=build/deps/x86_64-linux-gnu/ID CC=gcc VARIANT=lib NEED="usrsctp nice"
# Result: T/include and T/{lib,asan,tsan}/libNAME.a; the root Makefile calls this and chooses ID.

D   := build/deps
L   := $(T)/$(VARIANT)
OBJ := $(T)/obj/$(VARIANT)
Q   := $(if $(V),,@)

FLAGS.lib  = -O2 -g1 -fPIC -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 \
             -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables
# Undefined behaviour of others is not ours to report; use of memory is.
FLAGS.asan = -O1 -g -fPIC -fno-omit-frame-pointer -fsanitize=address
FLAGS.tsan = -O1 -g -fPIC -fno-omit-frame-pointer -fsanitize=thread
FLAGS         = $(FLAGS.$(VARIANT)) -w -fvisibility=hidden -std=gnu17 -D_GNU_SOURCE -isystem $(EXT)/include

all: $(NEED:%=$(L)/lib%.a)
	@:

# ---- usrsctp: AF_CONN alone (no INET, no INET6: no kernel sockets), no INVARIANTS ---------------
SCTP       := $(OBJ)/usrsctp
SCTP_SRC   := $(wildcard $(addprefix $(D)/src/usrsctp/usrsctplib/,*.c netinet/*.c netinet6/*.c))
SCTP_FLAGS := -D__Userspace__ -DSCTP_SIMPLE_ALLOCATOR -DSCTP_PROCESS_LEVEL_LOCKS \
              -DHAVE_STDATOMIC_H -DHAVE_NETINET_IP_ICMP_H -include deps/usrsctp-clock.h

$(L)/libusrsctp.a: $(SCTP_SRC)
	@echo "  DEPS    $@"
	$(Q)rm -rf $(SCTP) && mkdir -p $(SCTP) $(L) $(T)/include
	$(Q)cp -a $(D)/src/usrsctp/usrsctplib $(SCTP)/src
	$(Q)for p in $(sort $(wildcard deps/patches/usrsctp/*.patch)); do \
	        patch -s -d $(SCTP)/src -p2 <$$p || exit 1; done
	$(Q)cd $(SCTP) && cp $(CURDIR)/deps/usrsctp-*.[ch] src/ 2>/dev/null || :
	$(Q)for f in $(SCTP)/src/*.c $(SCTP)/src/*/*.c; do \
	        echo "$(CC) $(FLAGS) $(SCTP_FLAGS) -I$(SCTP)/src -c $$f -o $(SCTP)/$$(basename $$f .c).o"; \
	    done | xargs -P 2 -I{} sh -c {}
	$(Q)cp $(SCTP)/src/usrsctp.h $(wildcard deps/usrsctp-extra.h) $(T)/include/
	$(Q)rm -f $@ && ar rcs $@ $(SCTP)/*.o

# ---- libnice: its stun/ alone, with OpenSSL's hashes and no GLib --------------------------------
NICE     := $(OBJ)/nice
NICE_SRC := $(D)/src/nice/stun
NICE_C   := stunagent stunmessage stun5389 stuncrc32 rand stunhmac utils debug \
            usages/ice usages/bind usages/turn usages/timer

$(L)/libnice.a: $(wildcard $(NICE_SRC)/*.[ch])
	@echo "  DEPS    $@"
	$(Q)rm -rf $(NICE) && mkdir -p $(NICE)/src $(L) $(T)/include/stun/usages
	$(Q)cp -a $(NICE_SRC) $(NICE)/src/ && cp deps/nice-config.h $(NICE)/src/config.h
	$(Q)for p in $(sort $(wildcard deps/patches/nice/*.patch)); do \
	        patch -s -d $(NICE)/src -p1 <$$p || exit 1; done
	$(Q)for f in $(NICE_C); do \
	        echo "$(CC) $(FLAGS) -DHAVE_CONFIG_H -I$(NICE)/src -I$(NICE)/src/stun" \
	             "-c $(NICE)/src/stun/$$f.c -o $(NICE)/$$(basename $$f).o"; \
	    done | xargs -P 2 -I{} sh -c {}
	$(Q)cp $(NICE)/src/stun/*.h $(T)/include/stun/ && cp $(NICE)/src/stun/usages/*.h $(T)/include/stun/usages/
	$(Q)rm -f $@ && ar rcs $@ $(NICE)/*.o
