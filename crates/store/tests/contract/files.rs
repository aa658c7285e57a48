//! Files: their room in the quota, who may attach and see them, and what is
//! left of uploads that end badly.

use std::sync::Arc;

use tertulia_domain::command::{Outcome, StoreError};
use tertulia_domain::event::CatchUpCursor;
use tertulia_domain::file::{
    Announced, BlobKey, Dimensions, FileType, NewUpload, Reservation, StoredThumbnail,
};
use tertulia_domain::policy::{self, FileAuthority};
use tertulia_domain::ports::{FilesPage, IdKind};
use tertulia_domain::{
    Change, Denial, Draft, Entity, Error, File, FileId, Message, MessageKind, Position, Result,
    RoomId, Timestamp, UploadRefusal, UserId, Visibility,
};
use uuid::Uuid;

use crate::world::{World, draft_with};

const QUOTA: u64 = 1_000;

pub(crate) fn asks(at_least: u64, at_most: u64) -> Reservation {
    Reservation {
        at_least,
        at_most,
        quota: QUOTA,
        uploads: 3,
    }
}

impl World {
    pub(crate) async fn new_upload(&self, owner: UserId) -> NewUpload {
        let id = self.id(IdKind::File).await;
        let uuid = Uuid::from_u128(0x3_0000 + id.unsigned_abs() as u128);
        let at = self.now();
        NewUpload {
            id: FileId(id),
            uuid,
            owner,
            name: format!("foto {id}.png"),
            key: Some(BlobKey::new(at, uuid, FileType::Png)),
            resumable: None,
            started_at: at,
            expires_at: Timestamp::from_secs(100_000),
        }
    }

    pub(crate) async fn resumable(&self, owner: UserId, length: u64) -> NewUpload {
        NewUpload {
            key: None,
            resumable: Some(Announced {
                length,
                metadata: "filename Zm90by5wbmc=".to_owned(),
            }),
            ..self.new_upload(owner).await
        }
    }

    pub(crate) async fn begin(&self, upload: &NewUpload, asks: Reservation) -> Result<u64> {
        self.store.begin_upload(upload.clone(), asks).await
    }

    fn finished(&self, upload: &NewUpload, size: u64) -> File {
        let key = upload.key.clone();
        File {
            id: upload.id,
            uuid: upload.uuid,
            owner: upload.owner,
            name: upload.name.clone(),
            content_type: FileType::Png,
            size,
            dimensions: Some(Dimensions {
                width: 640,
                height: 480,
            }),
            thumbnail: Some(StoredThumbnail {
                kind: FileType::Jpeg,
                size: 4_000,
            }),
            key: key.unwrap_or_else(|| BlobKey::new(upload.started_at, upload.uuid, FileType::Png)),
            created_at: self.now(),
        }
    }

    pub(crate) async fn file(&self, owner: UserId, size: u64) -> File {
        let upload = self.new_upload(owner).await;
        self.begin(&upload, asks(size, size)).await.expect("begun");
        let file = self.finished(&upload, size);
        self.store.finish_upload(&file).await.expect("finished");
        file
    }

    async fn file_authority(&self, file: &File, user: UserId) -> FileAuthority {
        let found = self.store.file_authority(file.id, user).await;
        found.expect("the store answers").expect("there is a file")
    }

    async fn sees(&self, user: UserId, file: &File) -> bool {
        policy::may_fetch(&self.file_authority(file, user).await, user).is_ok()
    }

    pub(crate) async fn send(
        &self,
        room: RoomId,
        sender: UserId,
        draft: Draft,
    ) -> Result<Outcome, StoreError> {
        let command = self.append(room, sender, draft).await;
        self.run(command).await
    }

    async fn show(&self, room: RoomId, sender: UserId, files: &[&File]) -> Arc<Message> {
        match self.send(room, sender, with_files(files)).await {
            Ok(Outcome::Appended { message, .. }) => message,
            other => panic!("not appended: {other:?}"),
        }
    }

    async fn discard(&self, file: &File) {
        let authority = self.file_authority(file, file.owner).await;
        let permit = policy::may_discard(&authority, file.owner).expect("its owner may");
        let done = self.store.discard_file(&permit, self.now()).await;
        done.expect("the store answers");
    }

    async fn doomed(&self) -> Vec<String> {
        let doomed = self
            .store
            .doomed_blobs(100)
            .await
            .expect("the store answers");
        let mut keys: Vec<_> = doomed.iter().map(|key| key.to_string()).collect();
        keys.sort_unstable();
        keys
    }
}

fn with_files(files: &[&File]) -> Draft {
    Draft {
        files: files.iter().map(|file| file.id).collect(),
        ..Draft::default()
    }
}

fn refusal<T: std::fmt::Debug>(result: Result<T>) -> UploadRefusal {
    match result {
        Err(Error::Upload(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_file_comes_back_as_it_was_stored_and_its_owner_lists_it() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let first = world.file(ann, 100).await;
    let second = world.file(ann, 200).await;
    world.file(bob, 300).await;

    let found = world.store.file(first.id).await.expect("answered");
    assert_eq!(found.as_ref(), Some(&first));
    assert_eq!(world.store.file(FileId(99)).await.expect("answered"), None);
    let list = async |before, skip, limit| {
        let page = FilesPage {
            before,
            skip,
            limit,
        };
        world.store.files_of(ann, page).await.expect("answered")
    };
    let mine = list(None, 0, 10).await;
    assert_eq!(mine, [second, first.clone()]);
    assert_eq!(list(None, 1, 1).await, std::slice::from_ref(&first));
    assert_eq!(list(Some(mine[0].id), 0, 10).await, [first]);
}

#[tokio::test]
async fn a_quota_holds_for_files_and_uploads_together() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    world.file(ann, 600).await;

    let open_ended = world.new_upload(ann).await;
    let granted = world.begin(&open_ended, asks(1, 800)).await;
    assert_eq!(granted.expect("begun"), 400, "what is left");
    let another = world.new_upload(ann).await;
    assert_eq!(
        refusal(world.begin(&another, asks(1, 800)).await),
        UploadRefusal::OverQuota { max: QUOTA }
    );
    let bobs = world.new_upload(bob).await;
    assert_eq!(
        world.begin(&bobs, asks(1_000, 1_000)).await.expect("begun"),
        1_000
    );

    // The upload had fewer bytes than it might have had: the rest is free.
    let file = world.finished(&open_ended, 50);
    world.store.finish_upload(&file).await.expect("finished");
    let exact = world.begin(&another, asks(350, 350)).await;
    assert_eq!(exact.expect("begun"), 350);
    world
        .store
        .abandon_upload(another.id, world.now())
        .await
        .expect("given up");
    world.discard(&file).await;
    let last = world.new_upload(ann).await;
    assert_eq!(
        refusal(world.begin(&last, asks(401, 401)).await),
        UploadRefusal::OverQuota { max: QUOTA }
    );
    assert_eq!(
        world.begin(&last, asks(400, 400)).await.expect("begun"),
        400
    );
}

#[tokio::test]
async fn a_user_has_few_uploads_at_once() {
    let world = World::new().await;
    let [ann] = world.users().await;
    for _ in 0..3 {
        let upload = world.new_upload(ann).await;
        world.begin(&upload, asks(1, 1)).await.expect("begun");
    }
    let fourth = world.new_upload(ann).await;
    assert_eq!(
        refusal(world.begin(&fourth, asks(1, 1)).await),
        UploadRefusal::TooManyUploads
    );
}

#[tokio::test]
async fn an_upload_that_was_given_up_leaves_its_blobs_to_be_removed_and_cannot_be_finished() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let upload = world.new_upload(ann).await;
    world.begin(&upload, asks(10, 10)).await.expect("begun");
    let gone = world.store.abandon_upload(upload.id, world.now()).await;
    assert!(gone.expect("answered"));
    let again = world.store.abandon_upload(upload.id, world.now()).await;
    assert!(!again.expect("answered"), "nothing is left to give up");

    let late = world
        .store
        .finish_upload(&world.finished(&upload, 10))
        .await;
    assert!(matches!(late, Err(Error::NotFound(Entity::File))));
    let kept = world.store.keep_upload(upload.id, world.now()).await;
    assert!(!kept.expect("answered"));
    let stem = "1970/01/01/00000000-0000-0000-0000-000000030001";
    let keys = [".png", ".thumb.jpg", ".thumb.png"].map(|end| format!("{stem}{end}"));
    assert_eq!(world.doomed().await, keys);

    let keys: Vec<_> = keys.iter().filter_map(|key| BlobKey::parse(key)).collect();
    world.store.forget_blobs(&keys).await.expect("answered");
    assert!(world.doomed().await.is_empty());
}

#[tokio::test]
async fn uploads_expire_and_those_of_a_dead_process_at_once() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let (early, late) = (Timestamp::from_secs(5_000), Timestamp::from_secs(9_000));
    let mut ids = Vec::new();
    for (upload, expires_at) in [
        (world.new_upload(ann).await, early),
        (world.new_upload(ann).await, late),
        (world.resumable(ann, 10).await, late),
    ] {
        let upload = NewUpload {
            expires_at,
            ..upload
        };
        world.begin(&upload, asks(10, 10)).await.expect("begun");
        ids.push(upload.id);
    }
    let sweep = |at, orphaned| world.store.abandon_expired(at, orphaned, 10);
    assert_eq!(
        sweep(Timestamp::from_secs(4_999), false)
            .await
            .expect("swept"),
        0
    );
    assert_eq!(sweep(early, false).await.expect("swept"), 1);
    assert_eq!(
        sweep(early, true).await.expect("swept"),
        1,
        "whoever carried it out is gone"
    );
    let resumable = world.store.resumable_upload(ids[2], ann).await;
    assert!(resumable.expect("answered").is_some(), "it can be resumed");
    assert_eq!(sweep(late, false).await.expect("swept"), 1);
}

#[tokio::test]
async fn a_resumable_upload_counts_each_part_once_and_in_its_place() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let upload = world.resumable(ann, 30).await;
    world.begin(&upload, asks(30, 30)).await.expect("begun");
    let (at, until) = (upload.started_at, Timestamp::from_secs(200_000));
    let [one, two, lost] = [1, 2, 3].map(|number| BlobKey::part(at, upload.uuid, number));
    for part in [&one, &lost, &two] {
        assert!(
            world
                .store
                .begin_part(upload.id, part)
                .await
                .expect("answered")
        );
    }
    let finish = |part, from, size| world.store.finish_part(upload.id, part, from, size, until);
    assert!(finish(&one, 0, 10).await.expect("answered"));
    assert!(
        !finish(&lost, 0, 10).await.expect("answered"),
        "another was first"
    );
    assert!(finish(&two, 10, 20).await.expect("answered"));

    let found = world.store.resumable_upload(upload.id, ann).await;
    let found = found.expect("answered").expect("under way");
    assert_eq!(found.received, 30);
    assert_eq!(found.parts, [(one.clone(), 10), (two.clone(), 20)]);
    assert_eq!(Some(found.announced), upload.resumable);
    assert_eq!(found.expires_at, until);
    let strangers = world.store.resumable_upload(upload.id, bob).await;
    assert_eq!(strangers.expect("answered"), None);

    let file = world.finished(&upload, 30);
    assert!(
        world
            .store
            .aim_upload(upload.id, &file.key, until)
            .await
            .expect("answered")
    );
    world.store.finish_upload(&file).await.expect("finished");
    let mut parts = [&one, &two, &lost].map(|key| key.to_string());
    parts.sort_unstable();
    assert_eq!(
        world.doomed().await,
        parts,
        "also the part that never counted"
    );
    let gone = world.store.resumable_upload(upload.id, ann).await;
    assert_eq!(gone.expect("answered"), None);
    assert!(
        !world
            .store
            .begin_part(upload.id, &two)
            .await
            .expect("answered")
    );
}

#[tokio::test]
async fn a_message_brings_its_files_wherever_it_is_read() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    let (first, second) = (world.file(ann, 10).await, world.file(ann, 10).await);
    let sent = world.show(room, ann, &[&second, &first]).await;
    world.say(room, ann, "sin archivos").await;

    let files = [Arc::new(second), Arc::new(first)];
    assert_eq!(sent.files, files);
    assert_eq!(sent.kind, MessageKind::Image, "what its first file is");
    let history = world.history(room, bob).await;
    assert_eq!(history[0], *sent);
    assert!(history[1].files.is_empty());
    let missed = world
        .catch_up(room, bob, CatchUpCursor::new(Position::START), 10)
        .await;
    let told = missed.events.iter().find_map(|event| match &event.change {
        Change::Message { message, .. } if message.id == sent.id => Some(message),
        _ => None,
    });
    assert_eq!(told.map(|message| &message.files), Some(&sent.files));

    let edited = world.edit(&sent, "con palabras").await;
    match world.done(edited).await {
        Outcome::Edited { message, .. } => assert_eq!(message.files, files),
        other => panic!("not edited: {other:?}"),
    }
    let deleted = world.delete(&sent).await;
    match world.done(deleted).await {
        Outcome::Deleted { message, .. } => assert!(message.files.is_empty()),
        other => panic!("not deleted: {other:?}"),
    }
    assert!(world.history(room, bob).await[0].files.is_empty());
    assert!(!world.sees(bob, &files[0]).await, "it was taken back");
}

#[tokio::test]
async fn only_what_one_sees_can_be_attached() {
    let world = World::new().await;
    let [ann, bob, eve] = world.users().await;
    let (ours, theirs) = (
        world.group(&[ann, bob]).await,
        world.group(&[bob, eve]).await,
    );
    let file = world.file(ann, 10).await;
    let refused = |outcome: Result<Outcome, StoreError>| {
        let wanted = matches!(
            outcome,
            Err(StoreError::Failed(Error::NotFound(Entity::File)))
        );
        assert!(wanted, "{outcome:?}");
    };
    refused(world.send(ours, bob, with_files(&[&file])).await);
    let unknown = Draft {
        files: vec![FileId(999)],
        ..Draft::default()
    };
    refused(world.send(ours, ann, unknown).await);
    assert!(
        world.history(ours, ann).await.is_empty(),
        "nothing was said"
    );

    world.show(ours, ann, &[&file]).await;
    assert!(world.sees(bob, &file).await);
    assert!(!world.sees(eve, &file).await);
    refused(world.send(theirs, eve, with_files(&[&file])).await);
    world.show(theirs, bob, &[&file]).await;
    assert!(world.sees(eve, &file).await, "bob passed it on");

    let leave = world.leave(theirs, eve).await;
    world.done(leave).await;
    assert!(!world.sees(eve, &file).await, "who left sees it no more");
}

#[tokio::test]
async fn in_one_batch_a_file_is_shown_and_passed_on() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    let file = world.file(ann, 10).await;
    let show = world.append(room, ann, with_files(&[&file])).await;
    let pass_on = world.append(room, bob, with_files(&[&file])).await;
    let outcomes = world.commit(vec![show, pass_on]).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
}

#[tokio::test]
async fn an_open_room_shows_its_files_to_everyone_but_those_banned() {
    let world = World::new().await;
    let [ann, bob, eve] = world.users().await;
    let open = world
        .room_with(&[ann, eve], |room| {
            room.open = true;
            room.visibility = Visibility::Public;
        })
        .await;
    let file = world.file(ann, 10).await;
    world.show(open, ann, &[&file]).await;
    assert!(world.sees(bob, &file).await);
    let ban = world.remove(open, ann, eve, true).await;
    world.done(ban).await;
    assert!(!world.sees(eve, &file).await);
}

#[tokio::test]
async fn a_file_that_is_discarded_vanishes_from_its_messages() {
    let world = World::new().await;
    let [ann, bob, eve] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    let (kept, gone) = (world.file(ann, 10).await, world.file(ann, 10).await);
    let draft = Draft {
        files: vec![gone.id, kept.id],
        ..draft_with("envío-1", "dos fotos")
    };
    let sent = world.send(room, ann, draft.clone()).await;
    assert!(matches!(sent, Ok(Outcome::Appended { .. })), "{sent:?}");

    let bobs = world.file_authority(&gone, bob).await;
    assert!(matches!(
        policy::may_discard(&bobs, bob),
        Err(Error::Forbidden(Denial::NotAuthor))
    ));
    let eves = world.file_authority(&gone, eve).await;
    assert!(matches!(
        policy::may_discard(&eves, eve),
        Err(Error::NotFound(Entity::File))
    ));
    world.discard(&gone).await;
    let history = world.history(room, bob).await;
    assert_eq!(history[0].text, "dos fotos");
    assert_eq!(history[0].files, [Arc::new(kept)]);
    assert_eq!(world.doomed().await.len(), 2, "content and thumbnail");

    match world.send(room, ann, draft).await {
        Ok(Outcome::Repeated { message }) => assert_eq!(message.id, history[0].id),
        other => panic!("a retry must get the first result: {other:?}"),
    }
}
