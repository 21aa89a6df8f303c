#!/usr/bin/env python3
"""May SUBJECT use FEATURE?   check.py tcp://127.0.0.1:8721 alice live_trading   (python3-zmq, python3-msgpack)"""
import sys

import msgpack
import zmq

endpoint, subject, feature = sys.argv[1:]
query = zmq.Context.instance().socket(zmq.REQ)
query.setsockopt(zmq.RCVTIMEO, 1000)  # milliseconds; a REQ waits for ever without it
query.setsockopt(zmq.LINGER, 0)
query.connect(endpoint)

query.send_multipart([b"TG01", msgpack.packb({"op": "check", "id": 1, "sub": subject, "feat": feature})])
answer = msgpack.unpackb(query.recv_multipart()[1])
if "err" in answer:
    sys.exit("{code}: {msg}".format(**answer["err"]))
print("allowed" if answer["allowed"] else "denied", answer["reason"], answer["tier"])
