//! Passwords that everybody uses, which no account may be given (S5).
//!
//! The first ones that attackers try, internationally and in Spanish. Only
//! those of eight characters or more stand here: shorter ones are refused for
//! their length.

/// Whether `password` is one that attackers try first. Capitals make no
/// difference, and neither does one character said over and over.
pub(crate) fn is_common(password: &str) -> bool {
    is_one_character(password)
        || COMMON
            .binary_search(&password.to_lowercase().as_str())
            .is_ok()
}

fn is_one_character(password: &str) -> bool {
    let mut characters = password.chars();
    characters
        .next()
        .is_some_and(|first| characters.all(|character| character == first))
}

/// Lower case, in the order of their bytes.
#[rustfmt::skip]
const COMMON: &[&str] = &[
    "!qaz2wsx", "00112233", "01011980", "01011990", "01012000", "01012001", "01012010",
    "01012011", "01234567", "012345678", "0123456789", "0987654321", "10101010", "1010101010",
    "1029384756", "11112222", "111222333", "11223344", "1122334455", "112233445566", "11235813",
    "1123581321", "12121212", "12312312", "123123123", "1231231234", "1232323q", "123321123",
    "12341234", "12344321", "1234512345", "123454321", "1234554321", "123456123",
    "123456123456", "12345654321", "123456654321", "12345678", "123456780", "123456789",
    "1234567890", "1234567890a", "1234567890q", "1234567891", "12345678910", "1234567899",
    "123456789a", "123456789q", "12345678a", "12345678q", "12345679", "1234567a", "1234567q",
    "123456aa", "123456abc", "123456abcd", "123456qwerty", "12345abc", "12345qwert", "1234abcd",
    "1234qwer", "123654789", "12369874", "123698745", "123qwe123", "123qweasd", "123qweasdzxc",
    "12qwaszx", "13131313", "13579246", "135792468", "147147147", "147258369", "147258369a",
    "147852369", "14789632", "147896325", "159159159", "159357159", "159753456", "192837465",
    "19871987", "19881988", "19891989", "19901990", "19911991", "19921992", "19931993",
    "19941994", "19951995", "19961996", "19971997", "19981998", "19991999", "1a2b3c4d",
    "1passwor", "1q2w3e4r", "1q2w3e4r5", "1q2w3e4r5t", "1q2w3e4r5t6y", "1qaz!qaz", "1qaz2wsx",
    "1qaz2wsx3edc", "1qaz@wsx", "1qazxsw2", "20002000", "20102010", "20202020", "20202021",
    "20232024", "20242025", "20252026", "21212121", "22223333", "22446688", "23232323",
    "24682468", "25802580", "31313131", "31415926", "33334444", "45454545", "4815162342",
    "55667788", "69696969", "741852963", "78787878", "789456123", "789456123a", "789789789",
    "87654321", "98765432", "987654321", "9876543210", "a1234567", "a12345678", "a1b2c3d4",
    "a1s2d3f4", "aa123456", "aa12345678", "aardvark", "abc123456", "abc123abc", "abcabc123",
    "abcd1234", "abcd12345", "abcdef123", "abcdef1234", "abcdefg1", "abcdefgh", "abcdefghi",
    "adgjmptw", "admin123", "admin1234", "admin12345", "admin123456", "adminadmin",
    "administracion", "administrador", "administrador1", "administrator", "administrator1",
    "airborne", "airforce", "airplane", "alejandr", "alejandra", "alejandra1", "alejandro",
    "alejandro1", "alejandro123", "aleksandr", "alexande", "alexandr", "america123",
    "amigos123", "amistad1", "amorcito", "amoremio", "amoreterno", "amormio123", "amsterdam",
    "andres123", "angelica", "angelito", "anthony1", "antonio123", "aquarius", "argentina",
    "argentina1", "argentina123", "asd12345", "asd123456", "asdasdasd", "asdf1234", "asdf12345",
    "asdfasdf", "asdfasdf1", "asdfghjk", "asdfghjkl", "aspirine", "atlantis", "atletico",
    "azerty123", "azertyuiop", "babydoll", "babygirl", "babylon5", "barcelon", "barcelona",
    "barcelona1", "barcelona123", "baseball", "baseball1", "basketba", "batman123", "bebesita",
    "bienvenida", "bienvenido", "bienvenido1", "bienvenidos", "bigdaddy", "billybob",
    "blackcat", "blackdog", "blackjac", "blahblah", "blink182", "blizzard", "bluebird",
    "blueeyes", "bluemoon", "bobafett", "bocajuniors", "bolivia1", "bonita123", "brooklyn",
    "brucelee", "buckeyes", "budlight", "buenosdias", "bulldogs", "butterfl", "butterfly",
    "cadillac", "caliente", "californ", "cambiame", "cambiame1", "cambiame123", "cambiar123",
    "candyman", "caramelo", "cardinal", "cariñito", "carlos123", "carolina", "carolina1",
    "catherin", "cavalier", "cdtnkfyf", "champion", "changeit", "changeme", "changeme1",
    "changeme123", "chargers", "charlie1", "charlott", "chelsea1", "cherokee", "chevelle",
    "chevrole", "cheyenne", "chile123", "chiquita", "chiquito", "chivas123", "chocolat",
    "chocolate", "chocolate1", "christia", "christin", "christop", "cjkysirj", "clave123",
    "claveclave", "clubamerica", "cocacola", "colegio1", "colocolo", "colocolo1", "colombia",
    "colombia1", "colombia123", "colorado", "coltrane", "commando", "computador", "computadora",
    "computer", "concrete", "consumer", "contrasena", "contrasena1", "contrasena123",
    "contraseña", "contraseña1", "contraseña123", "contraseñas", "cooldude", "corazon1",
    "corazon123", "corvette", "cosworth", "cowboys1", "creative", "cristian", "cristiano",
    "cristiano7", "cristina", "cristo123", "crusader", "cruzazul", "cruzazul1", "daniel123",
    "daniela1", "darkness", "darkside", "darkstar", "dbrnjhbz", "deadhead", "default1",
    "default123", "defender", "deftones", "devildog", "diamond1", "diamonds", "diego123",
    "dietcoke", "dingdong", "diosesamor", "diosesfiel", "diosmeama", "discover", "dkflbvbh",
    "dodgeram", "dolphins", "dominicana", "dragon123", "drowssap", "drpepper", "ecuador1",
    "ecuador123", "einstein", "ekaterina", "electric", "elephant", "elizabet", "empresa1",
    "empresa123", "engineer", "enterpri", "escuela1", "escuela123", "espana123", "españa123",
    "esperanza", "estrella", "estrella1", "estrellita", "estudiante", "eternity", "explorer",
    "facebook", "facebook1", "facebook123", "familia1", "familia123", "fcbarcelona",
    "felicidad", "felicidad1", "fernanda", "fernando", "fernando1", "fireball", "firebird",
    "fktrcfylh", "football", "football123", "formula1", "francisco", "freckles", "freedom1",
    "freeuser", "futbol123", "fyfcnfcbz", "gabriela", "gabriela1", "gangster", "garfield",
    "gateway1", "gatito123", "geronimo", "ghbdtnbr", "godzilla", "goldfish", "goodluck",
    "goodtime", "google123", "google1234", "gordita1", "greenday", "guadalupe", "guadalupe1",
    "guardian", "guatemala", "guest123", "guest1234", "guillermo", "guinness", "halflife",
    "hannibal", "heather1", "hellfire", "hello123", "hello1234", "helloworld", "hercules",
    "hermosa1", "hermosa123", "highland", "hola1234", "hola12345", "hola123456", "holahola",
    "holamundo", "holamundo1", "holaquetal", "hollywoo", "honduras", "hongkong", "hotstuff",
    "iloveyou", "iloveyou!", "iloveyou1", "iloveyou123", "iloveyou2", "immortal", "infiniti",
    "infinity", "instagram", "internet", "internet1", "intrepid", "invitado", "invitado1",
    "jessica1", "jesucristo", "jesus123", "jesusteamo", "jordan23", "jose1234", "juan1234",
    "justdoit", "juventus", "kangaroo", "katerina", "kawasaki", "keyboard", "kingkong",
    "kingston", "kittycat", "labrador", "lacrosse", "lasvegas", "leonardo", "leonardo1",
    "letmein1", "letmein123", "letmein2", "letmeinplease", "libertad", "libertad1", "lifehack",
    "lightnin", "liverpoo", "liverpool", "login123", "login1234", "loginlogin", "logitech",
    "lollipop", "lonestar", "lonewolf", "longhorn", "lowrider", "luis1234", "makaveli",
    "manchester", "maradona1", "maradona10", "marathon", "margarita", "maria123", "mariners",
    "mariposa", "mariposa1", "marlboro", "maryjane", "mascota1", "master123", "matthew1",
    "mauricio", "maverick", "megadeth", "mercedes", "meridian", "mersedes", "messi123",
    "metallic", "metallica", "mexicano", "mexico123", "mexico2020", "mexico2024", "miamor123",
    "michael1", "michigan", "micontrasena", "micontraseña", "microsoft", "midnight",
    "mifamilia", "miguel123", "milenario", "minecraft", "minecraft1", "mivida123", "mongoose",
    "monkey123", "monopoly", "montreal", "morpheus", "motorola", "mountain", "munchkin",
    "mushroom", "musicman", "mustang1", "mustangs", "muñeca123", "muñequita", "naruto123",
    "ncc1701d", "ncc1701e", "nicaragua", "nintendo", "oblivion", "ordenador", "overlord",
    "p@ssw0rd", "p@ssw0rd1", "p@ssword", "p@ssword1", "pa$$w0rd", "pa$$word", "pa55word",
    "pakistan", "panama123", "panasonic", "panthers", "paradise", "paraguay", "passport",
    "passw0rd", "passw0rd1", "passw0rd123", "password", "password!", "password1", "password1!",
    "password12", "password123", "password123!", "password1234", "password12345", "password2",
    "password2024", "password2025", "password2026", "pastelito", "patricia", "patrick1",
    "patriots", "pavilion", "pearljam", "pedro123", "peekaboo", "penguins", "perrito123",
    "peru1234", "peruperu", "peterpan", "phoenix1", "pineappl", "platinum", "playtime",
    "plymouth", "pokemon123", "poohbear", "porkchop", "portland", "portugal", "preciosa",
    "precious", "predator", "presario", "princesa", "princesa1", "princesa123", "princesita",
    "princess", "princess1", "princess123", "profesor", "profesor1", "puertorico", "pumasunam",
    "punisher", "punkrock", "q1w2e3r4", "q1w2e3r4t5", "q1w2e3r4t5y6", "qazwsx123", "qazwsxed",
    "qazwsxedc", "qazwsxedcrfv", "qazxswedc", "qwe12345", "qwe123456", "qweasd123", "qweasdzxc",
    "qweqweqwe", "qwer1234", "qwer12345", "qwerasdf", "qwert123", "qwerty1!", "qwerty12",
    "qwerty123", "qwerty123!", "qwerty12345", "qwertyui", "qwertyui1", "qwertyuiop",
    "qwertyuiop1", "qwertyuiop123", "qwertz123", "ragnarok", "raiders1", "raistlin",
    "rammstein", "realmadrid", "realmadrid1", "redalert", "redskins", "redwings", "renegade",
    "republica", "rhbcnbyf", "richard1", "riverplate", "riverplate1", "rockstar", "rolltide",
    "romashka", "ronaldinho", "ronaldo7", "ronaldo9", "root1234", "rootbeer", "rootroot",
    "rush2112", "salvador", "samantha", "sandiego", "santiago", "santiago1", "sapphire",
    "scarface", "scoobydo", "scooter1", "scorpion", "scotland", "sebastia", "sebastian",
    "secretsecret", "security", "seinfeld", "seminole", "semperfi", "septembe", "serenity",
    "servidor", "servidor1", "shadow123", "shamrock", "sherlock", "showtime", "simpsons",
    "sistemas", "sistemas1", "sistemas123", "sithlord", "skittles", "skywalke", "slapshot",
    "slipknot", "snickers", "snowball", "snuggles", "socrates", "sofia123", "softball",
    "software", "soporte1", "soporte123", "spartans", "spectrum", "spiderma", "spiderman",
    "spitfire", "squirrel", "stallion", "starcraft", "stardust", "stargate", "startrek",
    "starwars", "starwars1", "steelers", "stephani", "stingray", "stonecol", "stranger",
    "sundance", "sunshine", "sunshine1", "super123", "superfly", "superman", "superman1",
    "superman123", "supersecret", "svetlana", "sweetpea", "swimming", "swordfis", "swordfish",
    "syracuse", "tacobell", "tarheels", "teamo123", "teamo1234", "teamomucho", "telegram",
    "temporal", "temporal1", "temporal123", "tequiero", "tequiero1", "tequieromucho",
    "thailand", "thankyou", "thuglife", "thunder1", "titleist", "toor1234", "tottenha",
    "trabajo1", "trabajo123", "trfnthbyf", "trustno1", "twilight", "ultimate", "universidad",
    "universidad1", "uruguay1", "usuario1", "vacation", "valentin", "valentina", "vanhalen",
    "venezuela", "venezuela1", "verbatim", "veronica", "veronika", "victoria", "virgencita",
    "vladimir", "warcraft", "warriors", "waterloo", "welcome1", "welcome123", "welcome2024",
    "welcome2025", "welcome2026", "werewolf", "westside", "whatever", "whatsapp", "whatsapp1",
    "whatsapp123", "wildcats", "william1", "wolfgang", "wolfpack", "wolverin", "wolverine",
    "wrangler", "yankees1", "zaq12wsx", "zaq1xsw2", "zeppelin", "zxcv1234", "zxcvbnm,",
    "zxcvbnm123", "zxczxczxc",];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_as_the_search_needs_it() {
        assert!(COMMON.is_sorted_by(|one, next| one < next));
        for password in COMMON {
            assert_eq!(*password, password.to_lowercase());
            assert!(
                password.chars().count() >= 8,
                "{password} is refused as too short"
            );
        }
    }

    #[test]
    fn what_everybody_uses_is_common() {
        for password in [
            "12345678",
            "password1",
            "Qwertyuiop",
            "contraseña",
            "CONTRASEÑA",
            "aaaaaaaa",
        ] {
            assert!(is_common(password), "{password}");
        }
    }

    #[test]
    fn what_one_person_uses_is_not() {
        for password in ["clave-nueva-9", "password1x", "", "café a las cinco"] {
            assert!(!is_common(password), "{password}");
        }
    }
}
