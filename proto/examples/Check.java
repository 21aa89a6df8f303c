// May SUBJECT use FEATURE?   java Check tcp://127.0.0.1:8721 alice live_trading   (libjeromq-java, libmsgpack-java)
// JeroMQ before 0.4, as Debian has it, speaks ZMTP 2: on this machine alone, since it has no keys.
// With - for SUBJECT: asks about each line of standard input.
// javac -cp /usr/share/java/jeromq.jar:/usr/share/java/msgpack-core.jar Check.java
import java.io.*;
import java.util.*;
import org.msgpack.core.*;
import org.msgpack.value.*;
import org.zeromq.ZMQ;

public class Check {
	static final ZMQ.Context context = ZMQ.context(1);
	static String endpoint;
	static ZMQ.Socket query;

	/** JeroMQ 0.3 knows no REQ_RELAXED, so a socket that got no answer is replaced: it would be stuck. */
	static void connect() {
		if (query != null) query.close();
		query = context.socket(ZMQ.REQ);
		query.setSendTimeOut(1000); // milliseconds; it waits for ever without them
		query.setReceiveTimeOut(1000);
		query.setLinger(0);
		query.connect(endpoint);
	}

	static byte[] question(String subject, String feature) throws IOException {
		MessageBufferPacker packer = MessagePack.newDefaultBufferPacker();
		packer.packMapHeader(4);
		packer.packString("op").packString("check").packString("id").packInt(1);
		packer.packString("sub").packString(subject).packString("feat").packString(feature);
		return packer.toByteArray();
	}

	/** The answer's map; null: none came. */
	static Map<Value, Value> ask(String subject, String feature) throws IOException {
		query.sendMore("TG01");
		byte[] reply = query.send(question(subject, feature), 0) && query.recv(0) != null ? query.recv(0) : null;
		if (reply != null) return MessagePack.newDefaultUnpacker(reply).unpackValue().asMapValue().map();
		connect();
		return null;
	}

	static String text(Map<Value, Value> map, String key) {
		return map.get(ValueFactory.newString(key)).asStringValue().asString();
	}

	static String may(String subject, String feature) throws IOException {
		Map<Value, Value> error = null;
		for (int tries = 0; tries < 3; tries++) {
			Map<Value, Value> answer = ask(subject, feature);
			if (answer == null) continue;
			Value err = answer.get(ValueFactory.newString("err"));
			if (err == null) {
				boolean allowed = answer.get(ValueFactory.newString("allowed")).asBooleanValue().getBoolean();
				return (allowed ? "allowed " : "denied ") + text(answer, "reason") + " " + text(answer, "tier");
			}
			error = err.asMapValue().map();
			if (!error.get(ValueFactory.newString("retry")).asBooleanValue().getBoolean()) break;
		}
		return "error " + (error == null ? "timeout no answer" : text(error, "code") + " " + text(error, "msg"));
	}

	public static void main(String[] args) throws IOException {
		endpoint = args[0];
		connect();
		BufferedReader lines = new BufferedReader(args[1].equals("-") ? new InputStreamReader(System.in, "UTF-8") : new StringReader(args[1]));
		for (String subject; (subject = lines.readLine()) != null;) System.out.println(may(subject, args[2]));
		query.close();
		context.term();
	}
}
