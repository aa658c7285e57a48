// The example session of contracts/upred.md §7 with the Android app's client.
//
// Usage: java -cp JARS UpredSession.java URL A TOKEN_A B TOKEN_B GROUP; a token
// may be empty.

import io.socket.client.IO;
import io.socket.client.Socket;
import java.net.URI;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.json.JSONObject;

public class UpredSession {
    static class Client {
        final String name;
        final Socket socket;
        final Map<String, BlockingQueue<JSONObject>> heard = new ConcurrentHashMap<>();

        Client(String name, String url, String userId, String token) throws Exception {
            this.name = name;
            IO.Options options = new IO.Options();
            options.forceNew = true;
            options.transports = new String[] {"websocket"};
            options.query = "user_id=" + userId;
            if (!token.isEmpty()) {
                options.auth = Map.of("token", token);
            }
            socket = IO.socket(URI.create(url), options);
            String[] events = {
                "connected", "direct_chat_joined", "group_joined", "group_left",
                "user_joined_group", "user_left_group", "receive_message", "ack",
                "delivery_confirmed", "read_confirmed", "error",
            };
            for (String event : events) {
                socket.on(event, arguments -> queue(event).add((JSONObject) arguments[0]));
            }
            socket.connect();
            expect("connected", "status", "connected", "user_id", userId);
        }

        BlockingQueue<JSONObject> queue(String event) {
            return heard.computeIfAbsent(event, name -> new LinkedBlockingQueue<>());
        }

        void emit(String event, Object... pairs) throws Exception {
            socket.emit(event, object(pairs));
        }

        JSONObject expect(String event, Object... pairs) throws Exception {
            JSONObject body = queue(event).poll(20, TimeUnit.SECONDS);
            if (body == null) {
                throw new AssertionError(name + " waits for " + event + " and has " + heard);
            }
            for (int at = 0; at < pairs.length; at += 2) {
                Object value = body.opt((String) pairs[at]);
                if (!pairs[at + 1].equals(value)) {
                    throw new AssertionError(name + ": " + pairs[at] + " of " + event + ": " + body);
                }
            }
            return body;
        }
    }

    static JSONObject object(Object... pairs) throws Exception {
        JSONObject object = new JSONObject();
        for (int at = 0; at < pairs.length; at += 2) {
            object.put((String) pairs[at], pairs[at + 1]);
        }
        return object;
    }

    public static void main(String[] given) throws Exception {
        String ana = given[1];
        String beto = given[3];
        String group = given[5];
        Client a = new Client("A", given[0], ana, given[2]);
        Client b = new Client("B", given[0], beto, given[4]);

        a.emit("join_direct_chat", "other_user_id", beto);
        JSONObject joined = a.expect("direct_chat_joined", "status", "ok", "other_user_id", beto);
        String room = joined.getString("sala_uuid");
        b.emit("join_direct_chat", "other_user_id", ana);
        b.expect("direct_chat_joined", "sala_uuid", room);

        String timestamp = "1772355600000";
        a.emit("send_message", "sala_uuid", room, "message", "¿Pasas los apuntes?", "sender_id", ana,
            "timestamp", timestamp, "type", "directo", "message_type", "texto");
        JSONObject told = a.expect("receive_message", "from", ana, "sala_uuid", room,
            "message", "¿Pasas los apuntes?", "timestamp", timestamp, "type", "directo");
        String id = told.getString("mensaje_id");
        b.expect("receive_message", "from", ana, "mensaje_id", id);
        a.expect("ack", "status", "sent", "mensaje_id", id, "sala_uuid", room);
        b.emit("mark_delivered", "mensaje_id", id, "user_id", beto);
        b.expect("delivery_confirmed", "status", "ok", "mensaje_id", id, "user_id", beto);
        b.emit("mark_read", "mensaje_id", id, "user_id", beto);
        b.expect("read_confirmed", "status", "ok", "mensaje_id", id, "user_id", beto);

        a.emit("join_group", "group_id", group);
        String groupRoom = a.expect("group_joined", "group_id", group).getString("sala_uuid");
        b.emit("join_group", "group_id", group);
        b.expect("group_joined", "group_id", group);
        a.expect("user_joined_group", "user_id", beto, "group_id", group);
        b.emit("send_message", "sala_uuid", groupRoom, "message", "foto", "sender_id", beto,
            "timestamp", timestamp, "type", "grupal", "message_type", "imagen",
            "url_archivo", "https://files.test/p.jpg");
        for (Client client : new Client[] {a, b}) {
            client.expect("receive_message", "from", beto, "type", "grupal", "message_type", "imagen");
        }
        b.expect("ack", "status", "sent");
        b.emit("leave_group", "group_id", group);
        b.expect("group_left", "status", "ok", "group_id", group);
        a.expect("user_left_group", "user_id", beto, "group_id", group);

        b.emit("send_message", "message", "x", "sender_id", beto, "type", "directo");
        b.expect("ack", "status", "error", "message", "Faltan campos: sala_uuid, timestamp");
        b.emit("join_group", "group_id", "999");
        b.expect("error", "message", "No eres miembro de este grupo");
        System.out.println("as in the contract");
        System.exit(0);
    }
}
