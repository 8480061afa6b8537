# The distribution's libraries once more, as static libraries for a target that has no packages
# (musl), out of build/deps/src, into T/include and T/lib; the root Makefile calls this.
#   make -f deps/static.mk T=/path TARGET=x86_64-linux-musl CC=musl-gcc NEED="openssl jansson"

D    := $(CURDIR)/build/deps
Q    := $(if $(V),,@)
HOST := $(TARGET)
# Small: what counts is in assembler. Where OpenSSL has none, it is C that encrypts.
OPT.riscv64 := -O2
OPT  := $(or $(OPT.$(firstword $(subst -, ,$(TARGET)))),-Os)
FLAGS := $(OPT) -g0 -fPIC -fstack-protector-strong \
         -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables
LOG  = >$(T)/obj/$*.log 2>&1 || { tail -n 20 $(T)/obj/$*.log >&2; exit 1; }

all: $(T)/include/linux $(NEED:%=$(T)/lib/.%)
	@:

# musl-gcc sees none of the system's headers; the kernel's are wanted (netlink, TUN).
$(T)/include/linux:
	$(Q)mkdir -p $(T)/include $(T)/lib
	$(Q)ln -sfn /usr/include/linux $(T)/include/linux
	$(Q)ln -sfn /usr/include/asm-generic $(T)/include/asm-generic
	$(Q)for d in /usr/include/$$(gcc -print-multiarch)/asm /usr/include/asm; do \
	        [ ! -d $$d ] || { ln -sfn $$d $(T)/include/asm; break; }; done

$(T)/lib/.%: | $(T)/include/linux
	@echo "  DEPS    $(TARGET)/$*"
	$(Q)rm -rf $(T)/obj/$* && mkdir -p $(T)/obj/$*
	$(Q)$(MAKE) --no-print-directory -f deps/static.mk T=$(T) TARGET=$(TARGET) CC="$(CC)" $* $(LOG)
	$(Q)rm -rf $(T)/obj/$* && touch $@

# What DTLS, TLS and PEM files need, and no more. Of errors the numbers are left; what they mean is
# told by the callers.
OPENSSL_NO := aria async autoload-config bf blake2 camellia cast cmp cms comp crypto-mdebug ct \
    des dh dsa dso dtls1 dynamic-engine ec2m engine err filenames gost idea legacy \
    makedepend md4 mdc2 module multiblock nextprotoneg ocb ocsp pinshared psk rc2 rc4 rfc3779 \
    rmd160 scrypt sctp seed shared siphash siv sm2 sm3 sm4 srp ssl3 ssl3-method tests tls1 \
    tls1_1 ts ui-console whirlpool
# Newer versions have more to leave out, and stop at a word they do not know.
OPENSSL_NO += argon2 hqinterop jitter ml-dsa ml-kem quic slh-dsa thread-pool tfo unstable-qlog
OPENSSL_NO := $(shell for o in $(OPENSSL_NO); do grep -qsw -e $$o $(D)/src/openssl/Configure && echo $$o; done)
OPENSSL_ARCH.x86_64 := linux-x86_64
OPENSSL_ARCH.aarch64 := linux-aarch64
OPENSSL_ARCH.arm := linux-armv4
OPENSSL_ARCH.i686 := linux-x86
OPENSSL_ARCH.riscv64 := linux64-riscv64

openssl:
	cd $(T)/obj/openssl && perl $(D)/src/openssl/Configure $(OPENSSL_ARCH.$(firstword $(subst -, ,$(TARGET)))) \
	    --prefix=$(T) --libdir=lib --openssldir=/etc/ssl $(OPENSSL_NO:%=no-%) \
	    CC="$(CC)" CFLAGS="$(FLAGS) -isystem $(T)/include"
	$(MAKE) -C $(T)/obj/openssl build_generated
	$(MAKE) -C $(T)/obj/openssl -j2 libssl.a libcrypto.a
	cp $(T)/obj/openssl/lib*.a $(T)/lib/
	mkdir -p $(T)/include/openssl
	cp $(D)/src/openssl/include/openssl/*.h $(T)/obj/openssl/include/openssl/*.h $(T)/include/openssl/

jansson:
	cd $(T)/obj/jansson && sed -e 's/@json_inline@/inline/; s/@json_have_long_long@/1/' \
	    -e 's/@json_have_localeconv@/0/; s/@json_have_atomic_builtins@/1/' \
	    -e 's/@json_have_sync_builtins@/1/' $(D)/src/jansson/src/jansson_config.h.in >jansson_config.h
	cd $(T)/obj/jansson && printf '#define %s 1\n' HAVE_STDINT_H HAVE_UNISTD_H HAVE_SYS_TIME_H \
	    HAVE_SYS_STAT_H HAVE_SYS_TYPES_H HAVE_FCNTL_H HAVE_OPEN HAVE_READ HAVE_CLOSE HAVE_GETPID \
	    HAVE_GETTIMEOFDAY HAVE_STRTOLL HAVE_SSIZE_T USE_URANDOM HAVE_ATOMIC_BUILTINS \
	    >jansson_private_config.h && echo '#define INITIAL_HASHTABLE_ORDER 3' >>jansson_private_config.h
	cd $(T)/obj/jansson && $(CC) $(FLAGS) -DHAVE_CONFIG_H -I. -I$(D)/src/jansson/src -c $(D)/src/jansson/src/*.c
	cd $(T)/obj/jansson && ar rcs $(T)/lib/libjansson.a *.o && \
	    cp jansson_config.h $(D)/src/jansson/src/jansson.h $(T)/include/

cares:
	cd $(T)/obj/cares && $(D)/src/cares/configure --host=$(HOST) --prefix=$(T) --disable-shared \
	    --disable-tests CC="$(CC)" CFLAGS="$(FLAGS)" && $(MAKE) -j2 install

qrencode:
	cd $(T)/obj/qrencode && $(D)/src/qrencode/configure --host=$(HOST) --prefix=$(T) --disable-shared \
	    --without-tools --without-png CC="$(CC)" CFLAGS="$(FLAGS)" && $(MAKE) -j2 install

.PHONY: all openssl jansson cares qrencode
