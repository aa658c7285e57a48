-- What only PostgreSQL has, part of its first schema: it tells who waits for rows
-- of `outbox` as soon as their transaction is committed, and offers functions that
-- write such rows (`docs/reference/outbox.md`). Written by hand.

CREATE FUNCTION tertulia_outbox_notify() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_notify('tertulia_outbox', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER outbox_notify AFTER INSERT ON outbox
    FOR EACH STATEMENT EXECUTE FUNCTION tertulia_outbox_notify();

-- The functions of REDUP (contract, "Functions"). They write to `outbox` and do
-- nothing else: what they ask for is done once their caller's transaction is
-- committed, with the rights of those in whose names they ask. The numbers that
-- they return are promised at once, from ranges of their own, so that no caller
-- holds up anybody's counter.
--
-- They run with the rights of their owner; whoever shall call them needs EXECUTE.

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

CREATE TYPE tipo_mensaje_enum AS ENUM ('texto', 'imagen', 'archivo', 'audio', 'sistema');

CREATE SEQUENCE outbox_message_numbers START WITH 1000000000000001 MAXVALUE 9007199254740991;

CREATE SEQUENCE outbox_room_numbers START WITH 2000000001 MINVALUE 2000000001 MAXVALUE 2147483647;

CREATE FUNCTION tertulia_require_user(p_usuario_id BIGINT) RETURNS VOID
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM 1 FROM users WHERE id = p_usuario_id AND state = 0;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'No existe el usuario %', p_usuario_id;
    END IF;
END
$$;

-- The number of the direct room of two people; it is promised when there is none.
CREATE FUNCTION tertulia_direct_room(p_usuario_1 BIGINT, p_usuario_2 BIGINT) RETURNS BIGINT
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
    v_low  BIGINT := LEAST(p_usuario_1, p_usuario_2);
    v_high BIGINT := GREATEST(p_usuario_1, p_usuario_2);
    v_room BIGINT;
BEGIN
    IF p_usuario_1 = p_usuario_2 THEN
        RAISE EXCEPTION 'No se puede abrir chat directo con el mismo usuario';
    END IF;
    PERFORM tertulia_require_user(p_usuario_1);
    PERFORM tertulia_require_user(p_usuario_2);
    SELECT room_id INTO v_room FROM direct_rooms
        WHERE low_user_id = v_low AND high_user_id = v_high;
    IF v_room IS NULL THEN
        INSERT INTO direct_rooms (low_user_id, high_user_id, room_id)
            VALUES (v_low, v_high, nextval('outbox_room_numbers'))
            ON CONFLICT (low_user_id, high_user_id) DO UPDATE SET room_id = direct_rooms.room_id
            RETURNING room_id INTO v_room;
    END IF;
    RETURN v_room;
END
$$;

-- Asks for a message; answers its number.
CREATE FUNCTION tertulia_ask_to_send(
    p_sender BIGINT, p_room BIGINT, p_recipient BIGINT, p_kind tipo_mensaje_enum,
    p_content TEXT, p_url TEXT, p_metadata JSONB
) RETURNS BIGINT
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
    v_has_words BOOLEAN := COALESCE(btrim(p_content), '') <> '';
    v_url       TEXT    := NULLIF(btrim(p_url), '');
    v_metadata  JSONB   := COALESCE(p_metadata, '{}');
    v_message   BIGINT;
BEGIN
    IF p_kind = 'sistema' THEN
        RAISE EXCEPTION 'Los mensajes de sistema los escribe el servidor';
    END IF;
    IF NOT v_has_words AND v_url IS NULL THEN
        RAISE EXCEPTION 'El mensaje necesita contenido o archivo';
    END IF;
    IF jsonb_typeof(v_metadata) <> 'object' THEN
        RAISE EXCEPTION 'Los metadatos deben ser un objeto JSON';
    END IF;
    -- A file without words is its address to those who cannot be shown a file.
    IF v_url IS NOT NULL THEN
        v_metadata := v_metadata || jsonb_build_object('socketio.url_archivo', v_url);
        IF NOT v_has_words THEN
            v_metadata := v_metadata || '{"socketio.no_text": true}';
        END IF;
    END IF;
    v_message := nextval('outbox_message_numbers');
    INSERT INTO outbox (sender_id, room_id, recipient_id, kind, text, metadata, message_id)
        VALUES (
            p_sender, p_room, p_recipient,
            CASE p_kind WHEN 'imagen' THEN 'image' WHEN 'archivo' THEN 'file'
                WHEN 'audio' THEN 'audio' ELSE 'text' END,
            CASE WHEN v_has_words THEN p_content ELSE v_url END,
            NULLIF(v_metadata, '{}')::TEXT, v_message
        );
    RETURN v_message;
END
$$;

CREATE FUNCTION fn_obtener_o_crear_sala_directa(p_usuario_1 BIGINT, p_usuario_2 BIGINT)
RETURNS BIGINT
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
    v_room BIGINT := tertulia_direct_room(p_usuario_1, p_usuario_2);
BEGIN
    PERFORM 1 FROM rooms WHERE id = v_room;
    IF NOT FOUND THEN
        INSERT INTO outbox (action, sender_id, recipient_id)
            VALUES ('open', p_usuario_1, p_usuario_2);
    END IF;
    RETURN v_room;
END
$$;

CREATE FUNCTION fn_enviar_mensaje_directo(
    p_remitente_id BIGINT,
    p_destinatario_id BIGINT,
    p_tipo_mensaje tipo_mensaje_enum DEFAULT 'texto',
    p_contenido TEXT DEFAULT NULL,
    p_url_archivo TEXT DEFAULT NULL,
    p_metadatos JSONB DEFAULT '{}'
) RETURNS TABLE (sala_chat_id BIGINT, mensaje_id BIGINT)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
BEGIN
    sala_chat_id := tertulia_direct_room(p_remitente_id, p_destinatario_id);
    mensaje_id := tertulia_ask_to_send(
        p_remitente_id, NULL, p_destinatario_id, p_tipo_mensaje,
        p_contenido, p_url_archivo, p_metadatos
    );
    RETURN NEXT;
END
$$;

CREATE FUNCTION fn_enviar_mensaje_grupal(
    p_remitente_id BIGINT,
    p_grupo_id BIGINT,
    p_tipo_mensaje tipo_mensaje_enum DEFAULT 'texto',
    p_contenido TEXT DEFAULT NULL,
    p_url_archivo TEXT DEFAULT NULL,
    p_metadatos JSONB DEFAULT '{}'
) RETURNS TABLE (sala_chat_id BIGINT, mensaje_id BIGINT, cantidad_destinatarios BIGINT)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM 1 FROM memberships m JOIN rooms r ON r.id = m.room_id
        WHERE m.room_id = p_grupo_id AND m.user_id = p_remitente_id AND m.state = 0
        AND r.kind <> 0 AND r.closed_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'El usuario % no pertenece al grupo %', p_remitente_id, p_grupo_id;
    END IF;
    sala_chat_id := p_grupo_id;
    mensaje_id := tertulia_ask_to_send(
        p_remitente_id, p_grupo_id, NULL, p_tipo_mensaje,
        p_contenido, p_url_archivo, p_metadatos
    );
    SELECT COUNT(*) INTO cantidad_destinatarios FROM memberships m
        WHERE m.room_id = p_grupo_id AND m.state = 0 AND m.user_id <> p_remitente_id;
    RETURN NEXT;
END
$$;

CREATE FUNCTION fn_marcar_mensaje_entregado(p_mensaje_id BIGINT, p_usuario_id BIGINT)
RETURNS VOID
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
    INSERT INTO outbox (action, sender_id, target_id)
        VALUES ('delivered', p_usuario_id, p_mensaje_id)
$$;

CREATE FUNCTION fn_marcar_mensaje_leido(p_mensaje_id BIGINT, p_usuario_id BIGINT)
RETURNS VOID
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
    INSERT INTO outbox (action, sender_id, target_id)
        VALUES ('read', p_usuario_id, p_mensaje_id)
$$;

REVOKE ALL ON FUNCTION tertulia_require_user, tertulia_direct_room, tertulia_ask_to_send,
    fn_obtener_o_crear_sala_directa, fn_enviar_mensaje_directo, fn_enviar_mensaje_grupal,
    fn_marcar_mensaje_entregado, fn_marcar_mensaje_leido FROM PUBLIC;
