# The libraries we build ourselves, for one target and one variant, out of build/deps/src.
#   make -f deps/build.mk T=build/deps/x86_64-linux-gnu/ID CC=gcc VARIANT=lib NEED="usrsctp nice wslay http_parser"
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
FLAGS         = $(FLAGS.$(VARIANT)) -w -Werror=implicit-function-declaration -fvisibility=hidden -std=gnu17 -D_GNU_SOURCE -isystem $(EXT)/include

all: $(NEED:%=$(L)/lib%.a)
	@:

# ---- usrsctp: AF_CONN alone (no INET, no INET6: no kernel sockets), no INVARIANTS ---------------
SCTP       := $(OBJ)/usrsctp
SCTP_SRC   := $(wildcard $(addprefix $(D)/src/usrsctp/usrsctplib/,*.c netinet/*.c netinet6/*.c))
SCTP_FLAGS := -D__Userspace__ -DSCTP_SIMPLE_ALLOCATOR -DSCTP_PROCESS_LEVEL_LOCKS \
              -DHAVE_STDATOMIC_H -DHAVE_NETINET_IP_ICMP_H -include deps/usrsctp-ours.h
# A static program is for routers: what no packet passes through is made small there.
SCTP_HOT   := sctp_indata sctp_ss_functions user_mbuf
SCTP_OS     = $(if $(findstring -musl,$(T)),$(patsubst %,-Os,$(filter-out $(SCTP_HOT),$(basename $(notdir $(1))))))

$(L)/libusrsctp.a: $(SCTP_SRC)
	@echo "  DEPS    $@"
	$(Q)rm -rf $(SCTP) && mkdir -p $(SCTP) $(L) $(T)/include
	$(Q)cp -a $(D)/src/usrsctp/usrsctplib $(SCTP)/src
	$(Q)for p in $(sort $(wildcard deps/patches/usrsctp/*.patch)); do \
	        patch -s -d $(SCTP)/src -p2 <$$p || exit 1; done
	$(Q)cd $(SCTP) && cp $(CURDIR)/deps/usrsctp-*.[ch] src/ 2>/dev/null || :
	$(Q){ :; $(foreach f,$(SCTP_SRC:$(D)/src/usrsctp/usrsctplib/%=%) $(notdir $(wildcard deps/usrsctp-*.c)),echo "$(CC) $(FLAGS) $(call SCTP_OS,$(f)) $(SCTP_FLAGS) \
	        -I$(SCTP)/src -c $(SCTP)/src/$(f) -o $(SCTP)/$(basename $(notdir $(f))).o";) } | xargs -P 2 -I{} sh -c {}
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

# ---- wslay and http-parser: small, and never in a hurry, so built for size -----------------------
# Of wslay the frames alone, with our memory. aria2 keeps a copy of it, one folder deeper.
WSLAY     := $(OBJ)/wslay
BIG_ENDIAN = $(if $(shell $(CC) -dM -E -xc /dev/null | grep 'BYTE_ORDER__ __ORDER_BIG'),-DWORDS_BIGENDIAN)
WSLAY_SRC := $(firstword $(wildcard $(addprefix $(D)/src/wslay/,deps/wslay/lib lib)))

$(L)/libwslay.a: $(wildcard $(WSLAY_SRC)/*.[ch])
	@echo "  DEPS    $@"
	$(Q)rm -rf $(WSLAY) && mkdir -p $(WSLAY) $(L) $(T)/include/wslay
	$(Q)echo '#define WSLAY_VERSION "1.1.1"' >$(T)/include/wslay/wslayver.h
	$(Q)cp $(WSLAY_SRC)/includes/wslay/wslay.h $(T)/include/wslay/
	$(Q)for f in frame net; do $(CC) $(FLAGS) -Os -Dmalloc=adit_malloc -Dfree=adit_free -DHAVE_ARPA_INET_H -DHAVE_NETINET_IN_H $(BIG_ENDIAN) -I$(T)/include \
	        -c $(WSLAY_SRC)/wslay_$$f.c -o $(WSLAY)/$$f.o || exit 1; done
	$(Q)rm -f $@ && ar rcs $@ $(WSLAY)/*.o

$(L)/libhttp_parser.a: $(wildcard $(D)/src/http_parser/http_parser.[ch])
	@echo "  DEPS    $@"
	$(Q)mkdir -p $(OBJ) $(L) $(T)/include && cp $(D)/src/http_parser/http_parser.h $(T)/include/
	$(Q)$(CC) $(FLAGS) -Os -c $(D)/src/http_parser/http_parser.c -o $(OBJ)/http_parser.o
	$(Q)rm -f $@ && ar rcs $@ $(OBJ)/http_parser.o
