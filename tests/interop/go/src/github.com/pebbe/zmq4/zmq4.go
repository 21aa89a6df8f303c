// Package zmq4 stands in for github.com/pebbe/zmq4, which Debian does not have, so that proto/examples/check.go can be built and run
// here as it is: the same names and signatures, as far as that example uses them, straight on libzmq.
package zmq4

// #cgo pkg-config: libzmq
// #include <errno.h>
// #include <stdlib.h>
// #include <zmq.h>
import "C"

import (
	"errors"
	"time"
	"unsafe"
)

// Type is that of a socket.
type Type int

// Flag is one of sending or receiving.
type Flag int

// REQ asks.
const REQ = Type(C.ZMQ_REQ)

// Socket is one of libzmq's.
type Socket struct{ soc unsafe.Pointer }

func failure() error { return errors.New(C.GoString(C.zmq_strerror(C.zmq_errno()))) }

var context = C.zmq_ctx_new()

// NewSocket makes one in the context of the process.
func NewSocket(t Type) (*Socket, error) {
	s := C.zmq_socket(context, C.int(t))
	if s == nil {
		return nil, failure()
	}
	return &Socket{s}, nil
}

func (soc *Socket) setInt(option C.int, value int) error {
	v := C.int(value)
	if C.zmq_setsockopt(soc.soc, option, unsafe.Pointer(&v), C.size_t(unsafe.Sizeof(v))) != 0 {
		return failure()
	}
	return nil
}

func milliseconds(d time.Duration) int { return int(d / time.Millisecond) }

// SetReqRelaxed sets ZMQ_REQ_RELAXED.
func (soc *Socket) SetReqRelaxed(value int) error { return soc.setInt(C.ZMQ_REQ_RELAXED, value) }

// SetReqCorrelate sets ZMQ_REQ_CORRELATE.
func (soc *Socket) SetReqCorrelate(value int) error { return soc.setInt(C.ZMQ_REQ_CORRELATE, value) }

// SetSndtimeo sets ZMQ_SNDTIMEO.
func (soc *Socket) SetSndtimeo(value time.Duration) error {
	return soc.setInt(C.ZMQ_SNDTIMEO, milliseconds(value))
}

// SetRcvtimeo sets ZMQ_RCVTIMEO.
func (soc *Socket) SetRcvtimeo(value time.Duration) error {
	return soc.setInt(C.ZMQ_RCVTIMEO, milliseconds(value))
}

// SetLinger sets ZMQ_LINGER.
func (soc *Socket) SetLinger(value time.Duration) error {
	return soc.setInt(C.ZMQ_LINGER, milliseconds(value))
}

// SetImmediate sets ZMQ_IMMEDIATE.
func (soc *Socket) SetImmediate(value bool) error {
	if value {
		return soc.setInt(C.ZMQ_IMMEDIATE, 1)
	}
	return soc.setInt(C.ZMQ_IMMEDIATE, 0)
}

// Connect connects.
func (soc *Socket) Connect(endpoint string) error {
	at := C.CString(endpoint)
	defer C.free(unsafe.Pointer(at))
	if C.zmq_connect(soc.soc, at) != 0 {
		return failure()
	}
	return nil
}

func retried(call func() C.int) C.int {
	n := call()
	for n < 0 && C.zmq_errno() == C.EINTR { // Go's own signals
		n = call()
	}
	return n
}

// SendMessage sends its parts, strings or bytes, as one message.
func (soc *Socket) SendMessage(parts ...interface{}) (total int, err error) {
	for i, part := range parts {
		bytes, ok := part.([]byte)
		if !ok {
			bytes = []byte(part.(string))
		}
		flags := C.int(0)
		if i+1 < len(parts) {
			flags = C.ZMQ_SNDMORE
		}
		p := C.CBytes(bytes)
		n := retried(func() C.int { return C.zmq_send(soc.soc, p, C.size_t(len(bytes)), flags) })
		C.free(p)
		if n < 0 {
			return total, failure()
		}
		total += int(n)
	}
	return total, nil
}

// RecvMessageBytes receives all parts of a message.
func (soc *Socket) RecvMessageBytes(flags Flag) (parts [][]byte, err error) {
	for more := C.int(1); more != 0; {
		var msg C.zmq_msg_t
		C.zmq_msg_init(&msg)
		if retried(func() C.int { return C.zmq_msg_recv(&msg, soc.soc, C.int(flags)) }) < 0 {
			err = failure()
			C.zmq_msg_close(&msg)
			return nil, err
		}
		parts = append(parts, C.GoBytes(C.zmq_msg_data(&msg), C.int(C.zmq_msg_size(&msg))))
		more = C.zmq_msg_more(&msg)
		C.zmq_msg_close(&msg)
	}
	return parts, nil
}
