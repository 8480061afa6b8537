/* nice-config.h - what libnice's stun/ asks of a configured tree; see deps/build.mk. */
#define PACKAGE_STRING "libnice stun"
#define HAVE_OPENSSL   1
#define HAVE_UNISTD_H  1
