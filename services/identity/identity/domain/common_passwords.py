"""The passwords that are guessed first (lower case), from the published lists of breached ones; no network needed."""

from typing import Final

# Shorter ones matter as stems: digits and signs at the end are taken off before the look-up.
COMMON_PASSWORDS: Final = frozenset(
    """
    12345678 123456789 1234567890 12345678910 123123123 1234512345 11111111 00000000 87654321 987654321 147258369
    password password1 passw0rd pass passwd passpass letmein letmeinplease welcome welcome1 admin administrator
    root superadmin super superuser user guest test tester testing test1234 testtest demo default changeme changeit
    secret secrets mysecret topsecret qwerty qwertyuiop qwerty12 qwerty123 qwerty1234 qwertyui asdfghjkl asdfasdf
    zxcvbnm 1q2w3e4r 1q2w3e4r5t 1qaz2wsx 1qazxsw2 q1w2e3r4 q1w2e3r4t5 zaq12wsx zaq1zaq1 qazwsxedc abc123 abcd1234
    abcdefgh abc12345 a1b2c3d4 aa123456 iloveyou iloveyou1 iloveu loveyou lovely love lover mylove babygirl
    princess sunshine football football1 baseball basketball soccer hockey liverpool chelsea arsenal manchester
    manutd barcelona realmadrid dragon monkey shadow master hunter killer batman superman spiderman starwars
    pokemon naruto minecraft fortnite trustno1 whatever freedom computer internet samsung iphone google facebook
    instagram twitter whatsapp youtube microsoft windows michael jordan jordan23 michelle jessica jennifer charlie
    daniel thomas robert andrew joshua ashley amanda nicole matthew anthony william richard george alexander
    samantha elizabeth victoria christian blessing goodluck godisgood godislove jesus jesus1 jesuschrist
    jesuslovesme thankgod godbless emmanuel hallelujah praisegod amazinggrace favour nigeria nigeria1 lagos abuja
    kano ibadan portharcourt naija naijaboy impactnet impact grant grants summer winter autumn spring summer2020
    january february march april june july august september october november december monday tuesday wednesday
    thursday friday saturday sunday cheese cookie chocolate banana orange apple pepper ginger flower flowers
    butterfly rainbow purple yellow silver golden diamond crystal angel angels heaven family mother father brother
    sister mommy daddy baby money dollar million success winner champion ferrari mercedes mustang corvette harley
    yamaha honda toyota porsche maverick ranger hunter1 thunder phoenix eagle tiger tigger lion lionking panther
    access login logon temp temporary temppass pass1234 pass12345 p@ssword p@ssw0rd p@55w0rd computer1 database
    server oracle mysql postgres redis kafka docker ubuntu debian linux azerty azertyuiop qwertz qwertzuiop
    motdepasse passwort contrasena senha hallo bonjour hello helloworld hello123 hellohello welcome123 letmein1
    letmein123 blahblah whatever1 nothing something unknown forever friends friendship happy happyday lucky
    luckyday magic mickey donald snoopy garfield zxcvbnm1 asdf1234 asdfghjk asdfgh qweasd qweasdzxc qwe123
    qweqweqwe zxc123 zxczxczxc aaaaaaaa abcabcabc xxxxxxxx 696969 666666 777777 888888 999999 121212 131313 112233
    11223344 1122334455 123321 12344321 123454321 159753 147147
    """.split()  # noqa: SIM905 -- a wall of quoted strings would hide the words
)
