package main

import (
	"net"

	"github.com/pion/logging"
	"github.com/pion/webrtc"
)

// Nothing but TCP, and we are called at this port (RFC 6544, passive).
func listenTCP(settings *webrtc.SettingEngine, logger logging.LeveledLogger) {
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{Port: opt.tcp})
	must(err)
	settings.SetICETCPMux(webrtc.NewICETCPMux(logger, listener, 8))
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
}
