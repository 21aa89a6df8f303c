// May SUBJECT use FEATURE?   check tcp://127.0.0.1:8721 alice live_trading
// With - for SUBJECT: asks about each line of standard input.
// github.com/pebbe/zmq4 and github.com/vmihailenco/msgpack/v5. The tests build it with a stand-in for the former, which
// Debian does not have (tests/interop/go).
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/pebbe/zmq4"
	"github.com/vmihailenco/msgpack/v5"
)

type refusal struct {
	Code  string `msgpack:"code"`
	Msg   string `msgpack:"msg"`
	Retry bool   `msgpack:"retry"`
}

type answer struct {
	Allowed bool     `msgpack:"allowed"`
	Reason  string   `msgpack:"reason"`
	Tier    string   `msgpack:"tier"`
	Err     *refusal `msgpack:"err"`
}

var noAnswer = &refusal{"timeout", "no answer", true}

func connect(endpoint string) (*zmq4.Socket, error) {
	query, err := zmq4.NewSocket(zmq4.REQ)
	if err != nil {
		return nil, err
	}
	query.SetReqRelaxed(1)                // may ask again when no answer came,
	query.SetReqCorrelate(1)              // and takes no late one for the next
	query.SetImmediate(true)              // keeps nothing back for a server that is not there
	query.SetSndtimeo(time.Second)        // it waits for ever without them
	query.SetRcvtimeo(time.Second)        //
	query.SetLinger(0)                    //
	return query, query.Connect(endpoint) // and again by itself, when the server was restarted
}

func ask(query *zmq4.Socket, subject, feature string) (a answer) {
	request, _ := msgpack.Marshal(map[string]interface{}{"op": "check", "id": 1, "sub": subject, "feat": feature})
	if _, err := query.SendMessage("TG01", request); err != nil {
		return answer{Err: noAnswer}
	}
	reply, err := query.RecvMessageBytes(0)
	if err != nil || len(reply) != 2 || msgpack.Unmarshal(reply[1], &a) != nil {
		return answer{Err: noAnswer}
	}
	return a
}

func may(query *zmq4.Socket, subject, feature string) {
	a := ask(query, subject, feature)
	for tries := 1; a.Err != nil && a.Err.Retry && tries < 3; tries++ {
		a = ask(query, subject, feature)
	}
	switch {
	case a.Err != nil: // never a yes
		fmt.Println("error", a.Err.Code, a.Err.Msg)
	case a.Allowed:
		fmt.Println("allowed", a.Reason, a.Tier)
	default:
		fmt.Println("denied", a.Reason, a.Tier)
	}
}

func main() {
	query, err := connect(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(64)
	}
	subjects := bufio.NewScanner(strings.NewReader(os.Args[2]))
	if os.Args[2] == "-" {
		subjects = bufio.NewScanner(os.Stdin)
	}
	for subjects.Scan() {
		may(query, subjects.Text(), os.Args[3])
	}
}
