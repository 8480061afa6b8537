/* tunnel.h - the modes tun and tap: the VPN of app/vpn.h as what travels over a channel. */
#ifndef ADIT_TUNNEL_H
#define ADIT_TUNNEL_H

#include "app/app.h"
#include "app/vpn.h"

/* app_conf.extra is a const struct adit_vpn_conf *, borrowed for the life of the app. */
extern const struct adit_app_class adit_app_tunnel;

#endif
