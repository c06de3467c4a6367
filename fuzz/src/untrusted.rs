//! The targets, shared by the fuzzer and by the test that replays its corpus.

use circuit::{Circuit, CircuitForm, CircuitParts, Detail, KeyManifest};
use ckks::{Ciphertext, CkksError, Context, KeySwitchKey, PublicKey, SecretKey};
use format::{FileKind, Reader};
use params::{Level, Params, ParamsSpec, Rotation, Scale};
use serde::{Deserialize, Serialize};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::OnceLock;

/// What every call may allocate, whatever the length of its input.
const FIXED: usize = 64 << 10;

/// The system's allocator, counting per thread.
pub struct Counting;

thread_local! {
    static NOW: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(change: isize) {
    // Threads that are ending have no counters left.
    let _ = NOW.try_with(|now| {
        now.set(now.get() + change);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(now.get())));
    });
}

// SAFETY: hands everything to the system's allocator; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's contract is this function's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's contract is this function's.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller's contract is this function's.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // While it moves, both blocks exist.
        count(size as isize);
        count(-(layout.size() as isize));
        // SAFETY: the caller's contract is this function's.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Runs `read` and holds the peak of what it allocates on this thread to `factor` times `length` and a fixed part.
fn bounded<T>(what: &str, length: usize, factor: usize, read: impl FnOnce() -> T) -> T {
    let before = NOW.get();
    PEAK.set(before);
    let result = read();
    let peak = (PEAK.get() - before).max(0) as usize;
    let bound = factor * length + FIXED;
    assert!(
        peak <= bound,
        "{what}: {peak} bytes allocated for {length} bytes, at most {bound} expected"
    );
    result
}

/// An error is no use if it can not be shown: one line that is not endless.
fn check_message(error: &dyn std::error::Error, length: usize) {
    let text = error.to_string();
    assert!(!text.is_empty(), "an error without a message");
    assert!(
        text.len() <= 8 * length + 1000,
        "a message of {} bytes for {length} bytes",
        text.len()
    );
}

/// Splits the byte that says what to repair from the rest.
fn control(bytes: &[u8]) -> Option<(u8, &[u8])> {
    bytes.split_first().map(|(&control, rest)| (control, rest))
}

/// Reads a postcard value and nothing after it, and checks that it is written so that it reads as the same value.
fn postcard_value<T>(bytes: &[u8], factor: usize) -> Option<T>
where
    T: Serialize + for<'a> Deserialize<'a> + PartialEq + std::fmt::Debug,
{
    let read = || postcard::take_from_bytes::<T>(bytes);
    let value = match bounded("a postcard value", bytes.len(), factor, read) {
        Ok((value, [])) => value,
        Ok(_) => return None,
        Err(error) => {
            check_message(&error, bytes.len());
            return None;
        }
    };
    let again = postcard::to_stdvec(&value).expect("what was read can be written");
    assert!(
        again.len() <= bytes.len(),
        "written longer than it was read"
    );
    // Compared as bytes: a number that is none is not equal to itself.
    let second: T = postcard::from_bytes(&again).expect("what was written can be read");
    let second = postcard::to_stdvec(&second).expect("what was read can be written");
    assert_eq!(second, again, "written and read again");
    Some(value)
}

/// Parameter sets, scales and key manifests.
///
/// The first byte names the object.
pub fn params(bytes: &[u8]) {
    let Some((what, rest)) = control(bytes) else {
        return;
    };
    match what % 4 {
        0 => {
            let Some(spec) = postcard_value::<ParamsSpec>(rest, 16) else {
                return;
            };
            for build in [Params::new, Params::new_insecure_for_tests] {
                let built = bounded("parameters", rest.len(), 16, || build(spec.clone()));
                match built {
                    Ok(params) => check_params(&params, &spec),
                    Err(error) => check_message(&error, rest.len()),
                }
            }
        }
        1 => {
            if let Some(scale) = postcard_value::<Scale>(rest, 16) {
                check_scale(&scale);
            }
        }
        2 => {
            let Ok(text) = std::str::from_utf8(rest) else {
                return;
            };
            if let Some(scale) = bounded("a scale", rest.len(), 16, || Scale::parse(text)) {
                check_scale(&scale);
            }
        }
        _ => {
            postcard_value::<KeyManifest>(rest, 64);
            postcard_value::<(Level, Rotation)>(rest, 16);
        }
    }
}

fn check_params(params: &Params, spec: &ParamsSpec) {
    assert_eq!(params.spec(), spec);
    let again = Params::new_insecure_for_tests(spec.clone()).expect("it was built once");
    assert_eq!((again.q(), again.special()), (params.q(), params.special()));
    assert!(params.is_insecure() == (again.id() == params.id()));
    let mut primes = [params.q(), params.special()].concat();
    assert!(primes.iter().all(|&p| params::is_prime(p) && p < 1 << 49));
    primes.sort_unstable();
    primes.dedup();
    let n_limbs = params.max_level().n_limbs();
    assert_eq!(primes.len(), n_limbs + params.special().len());
    let cut: usize = params.digit_ranges().iter().map(|r| r.len()).sum();
    assert_eq!(cut, n_limbs);
    assert!(params.scale().value(params.q()).is_some());
    assert!(params.key_bytes(params.max_level()) > 0);
}

fn check_scale(scale: &Scale) {
    assert_eq!(Scale::parse(&scale.to_string()).as_ref(), Some(scale));
    let q = [(1 << 48) - 1, (1 << 40) + 1, (1 << 40) - 1];
    let _ = (scale.log2(&q), scale.value(&q));
    assert_eq!(scale.times(scale).over(scale), *scale);
    assert_eq!(scale.over(scale), Scale::one());
}

/// A small ring with unequal primes and unequal digits.
fn ring() -> &'static Context {
    static RING: OnceLock<Context> = OnceLock::new();
    RING.get_or_init(|| {
        let spec = ParamsSpec {
            log_n: 4,
            chain_bits: vec![45, 36, 36, 36, 36],
            special_bits: vec![40, 41],
            digits: vec![1, 2, 2],
            scale_bits: 36,
        };
        let params = Params::new_insecure_for_tests(spec).expect("the parameters are sound");
        Context::new(&params).expect("the ring is sound")
    })
}

/// Repairs, half of the time, the header that every object begins with: magic, version, kind, parameters.
fn repaired(control: u8, kind: u8, object: &[u8]) -> Vec<u8> {
    let mut object = object.to_vec();
    if control & 0x80 != 0
        && let Some(header) = object.first_chunk_mut::<38>()
    {
        header[..4].copy_from_slice(b"PVHE");
        header[4..6].copy_from_slice(&[1, kind]);
        header[6..].copy_from_slice(&ring().params().id().0);
    }
    if control & 0x40 != 0 {
        // Below every prime.
        let words = object.len() % 8;
        for word in object[words..].as_chunks_mut::<8>().0.iter_mut().skip(12) {
            word[4] &= 7;
            word[5..].fill(0);
        }
    }
    object
}

/// Reads an object; what is accepted is written back byte for byte.
fn object<T>(
    bytes: &[u8],
    read: impl FnOnce(&Context, &[u8]) -> Result<T, CkksError>,
    write: impl FnOnce(&T) -> Vec<u8>,
) -> Option<T> {
    let ring = ring();
    ckks::release_pool();
    match bounded("an object", bytes.len(), 4, || read(ring, bytes)) {
        Ok(object) => {
            assert!(write(&object) == bytes, "not written back as it was read");
            Some(object)
        }
        Err(error) => {
            check_message(&error, bytes.len());
            None
        }
    }
}

/// Ciphertexts of a small ring.
///
/// Of the first byte, bit 7 repairs the header, bit 6 the residues.
pub fn ciphertext(bytes: &[u8]) {
    let Some((control, rest)) = control(bytes) else {
        return;
    };
    let bytes = repaired(control, 4, rest);
    let Some(x) = object(&bytes, Ciphertext::from_bytes, Ciphertext::to_bytes) else {
        return;
    };
    // What was accepted is safe to compute with.
    let ring = ring();
    let _ = ring.add(&x, &x);
    let _ = ring.rescale(&x);
    let _ = ring.square(&x).map(|y| ring.rescale(&y));
    let _ = ring.decompose(&x);
}

/// Secret, public and evaluation keys of a small ring.
///
/// Of the first byte, the low bits name the kind, bit 7 repairs the header, bit 6 the residues.
pub fn keys(bytes: &[u8]) {
    let Some((control, rest)) = control(bytes) else {
        return;
    };
    match control % 3 {
        0 => {
            let bytes = repaired(control & 0x80, 1, rest);
            object(&bytes, SecretKey::from_bytes, |key| key.to_bytes().to_vec());
        }
        1 => {
            let bytes = repaired(control, 2, rest);
            object(&bytes, PublicKey::from_bytes, PublicKey::to_bytes);
        }
        _ => {
            let bytes = repaired(control, 3, rest);
            let key = object(&bytes, KeySwitchKey::from_bytes, KeySwitchKey::to_bytes);
            if let Some(key) = key {
                assert_eq!(key.bytes_seeded(), bytes.len());
                assert!(key.max_level() <= ring().params().max_level());
            }
        }
    }
}

/// Stored circuits: the form in postcard, then the numbers, then the slots of sparse vectors.
///
/// Of the first byte, bit 7 makes numbers and slots as many as the form declares, bit 6 makes the numbers finite; the
/// low bits say, where nothing is repaired, how many bytes of what follows the form are slots.
pub fn circuit(bytes: &[u8]) {
    let Some((control, rest)) = control(bytes) else {
        return;
    };
    let read = || postcard::take_from_bytes::<CircuitForm>(rest);
    let (form, data) = match bounded("a circuit's form", rest.len(), 96, read) {
        Ok(read) => read,
        Err(error) => return check_message(&error, rest.len()),
    };
    let (n_numbers, n_slots) = form.declared();
    let (numbers, slots) = data.split_at(data.len().saturating_sub(usize::from(control & 0x3f)));
    let (numbers, slots) = (numbers.as_chunks::<8>().0, slots.as_chunks::<4>().0);
    let finite = |x: f64| match control & 0x40 {
        0 => x,
        _ => {
            if x.is_finite() {
                x
            } else {
                1.0
            }
        }
    };
    let mut numbers: Vec<f64> = numbers
        .iter()
        .map(|b| finite(f64::from_le_bytes(*b)))
        .collect();
    let mut slots: Vec<u32> = slots.iter().map(|b| u32::from_le_bytes(*b)).collect();
    if control & 0x80 != 0 && n_numbers.max(n_slots) < 1 << 12 {
        numbers.resize(n_numbers as usize, 0.5);
        let missing = slots.len()..n_slots as usize;
        slots.truncate(n_slots as usize);
        slots.extend(missing.map(|i| i as u32));
    }
    let length = rest.len() + 8 * numbers.len() + 4 * slots.len();
    let parts = CircuitParts {
        form,
        numbers,
        slots,
    };
    let circuit = bounded("a circuit", length, 256, || Circuit::from_parts(parts));
    let circuit = match circuit {
        Ok(circuit) => circuit,
        Err(error) => return check_message(&error, length),
    };
    check_circuit(&circuit);
}

/// The text form of circuits.
pub fn circuit_text(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let circuit = match bounded("a text", bytes.len(), 256, || circuit::parse(text)) {
        Ok(circuit) => circuit,
        Err(error) => return check_message(&error, bytes.len()),
    };
    let printed = circuit::print(&circuit, Detail::Values);
    let again = circuit::parse(&printed).expect("what is printed parses");
    assert_eq!(again, circuit, "printed and parsed again");
    assert_eq!(circuit::print(&again, Detail::Values), printed);
    match circuit::verify(&circuit) {
        Ok(()) if !circuit.params().is_some_and(Params::is_insecure) => {
            match Circuit::from_parts(circuit.to_parts()) {
                Ok(stored) => {
                    assert_eq!(stored, circuit);
                    check_circuit(&circuit);
                }
                Err(error) => check_message(&error, bytes.len()),
            }
        }
        Ok(()) => {}
        Err(faults) => faults.iter().for_each(|f| check_message(f, bytes.len())),
    }
}

/// What holds for every circuit that was accepted from stored parts.
fn check_circuit(circuit: &Circuit) {
    circuit::verify(circuit).expect("what was read verifies");
    let parts = circuit.to_parts();
    let bytes = postcard::to_stdvec(&parts.form).expect("a form can be written");
    let form: CircuitForm = postcard::from_bytes(&bytes).expect("a form can be read");
    assert_eq!(form, parts.form);
    let again = Circuit::from_parts(CircuitParts { form, ..parts }).expect("it was read once");
    assert_eq!(again, *circuit);
    let text = circuit::print(circuit, Detail::Values);
    // Short vectors without a name are written where they are used, so vectors may move; the text stays.
    let again = circuit::parse(&text).expect("what is printed parses");
    assert_eq!(circuit::print(&again, Detail::Values), text);
    let _ = circuit::print(circuit, Detail::Names);
    let _ = (circuit.kinds(), circuit.users(), circuit.needed_keys());
    let _ = circuit::counts(circuit);
    let mut compact = circuit.clone();
    compact.compact();
    circuit::verify(&compact).expect("a compacted circuit verifies");
}

/// The header that Privet's files have.
type Header = (String, [u8; 32], Option<[u8; 16]>, Option<bool>);
type Row = (String, u64, u64, [u8; 32]);

/// Whole files.
///
/// Of the first byte, bit 7 repairs the hash over the description, bit 6 the lengths, bit 5 the sections' offsets and
/// hashes; the low bits name the kind that is asked for.
pub fn container(bytes: &[u8]) {
    let Some((control, rest)) = control(bytes) else {
        return;
    };
    let mut file = rest.to_vec();
    if control & 0x20 != 0 {
        repair_sections(&mut file);
    }
    if control & 0x40 != 0 {
        repair_lengths(&mut file);
    }
    if control & 0x80 != 0 {
        repair_hash(&mut file);
    }
    let kind = FileKind::ALL[usize::from(control & 0x1f) % FileKind::ALL.len()];
    let length = file.len();
    let read = || Reader::from_bytes("file", file.clone(), kind);
    let reader = match bounded("a file", length, 16, read) {
        Ok(reader) => reader,
        Err(error) => {
            let _ = error.help();
            return check_message(&error, length);
        }
    };
    assert_eq!(reader.kind(), kind);
    assert!(reader.check_params(reader.params_id()).is_ok());
    match reader.header::<Header>() {
        Ok(header) => {
            let again = postcard::to_stdvec(&header).expect("a header can be written");
            assert_eq!(postcard::from_bytes(&again), Ok(header));
        }
        Err(error) => check_message(&error, length),
    }
    let mut sections = Vec::new();
    for (name, n_bytes) in reader.sections() {
        assert!(n_bytes <= length as u64);
        assert_eq!(reader.section_length(name), Some(n_bytes));
        match bounded("a section", length, 2, || reader.section(name)) {
            Ok(section) => {
                assert_eq!(section.len() as u64, n_bytes);
                sections.push((name.to_owned(), section));
            }
            Err(error) => check_message(&error, length),
        }
    }
    let too_long = "x".repeat(256);
    assert!(reader.section(&too_long).is_err());
    if sections.len() < reader.sections().len() {
        return;
    }
    // The same contents, put together by other hands, read the same.
    let header_length = u64::from_le_bytes(*file[48..].first_chunk().expect("it was read"));
    let header = &file[128..128 + header_length as usize];
    let twin = assembled(kind, reader.params_id(), header, &sections);
    let twin = Reader::from_bytes("twin", twin, kind).expect("the same contents are sound");
    assert_eq!(twin.params_id(), reader.params_id());
    assert!(twin.sections().eq(reader.sections()));
    for (name, section) in &sections {
        assert_eq!(twin.section(name).ok().as_ref(), Some(section));
    }
}

/// A container file as the format's documentation describes it.
fn assembled(
    kind: FileKind,
    params_id: &[u8; 32],
    header: &[u8],
    sections: &[(String, Vec<u8>)],
) -> Vec<u8> {
    let mut file = vec![0; 128];
    file[..8].copy_from_slice(b"PRIVET\0\0");
    file[8..10].copy_from_slice(&kind.code().to_le_bytes());
    file[10..12].copy_from_slice(&1u16.to_le_bytes());
    file[16..48].copy_from_slice(params_id);
    file[48..56].copy_from_slice(&(header.len() as u64).to_le_bytes());
    file.extend_from_slice(header);
    let mut table = Vec::new();
    for (name, section) in sections {
        file.resize(file.len().next_multiple_of(64), 0);
        let hash: [u8; 32] = blake3::hash(section).into();
        let row: Row = (name.clone(), file.len() as u64, section.len() as u64, hash);
        table.extend(postcard::to_stdvec(&row).expect("a row can be written"));
        file.extend_from_slice(section);
    }
    file.resize(file.len().next_multiple_of(64), 0);
    let at = file.len() as u64;
    file.extend(table);
    file[56..64].copy_from_slice(&at.to_le_bytes());
    repair_lengths(&mut file);
    repair_hash(&mut file);
    file
}

fn word(file: &[u8], at: usize) -> usize {
    let word = file.get(at..).and_then(|tail| tail.first_chunk());
    word.map_or(usize::MAX, |w| u64::from_le_bytes(*w) as usize)
}

/// Makes the lengths in the prologue agree with the file's.
pub fn repair_lengths(file: &mut [u8]) {
    let (length, table) = (file.len(), word(file, 56).min(file.len()));
    if file.len() >= 128 {
        file[64..72].copy_from_slice(&((length - table) as u64).to_le_bytes());
        file[72..80].copy_from_slice(&(length as u64).to_le_bytes());
    }
}

/// Makes the hash over prologue, header and table right.
pub fn repair_hash(file: &mut [u8]) {
    if file.len() < 128 {
        return;
    }
    let (header, table) = (word(file, 48), word(file, 56));
    let header = file.get(128..header.saturating_add(128)).unwrap_or(&[]);
    let mut hasher = blake3::Hasher::new();
    hasher
        .update(&file[..96])
        .update(header)
        .update(file.get(table..).unwrap_or(&[]));
    let hash: [u8; 32] = hasher.finalize().into();
    file[96..128].copy_from_slice(&hash);
}

/// Rewrites the table's rows with the offsets that follow from their lengths, and with the right hashes.
pub fn repair_sections(file: &mut Vec<u8>) {
    let (header, at) = (word(file, 48), word(file, 56));
    let Some(mut rest) = file.get(at..).map(<[u8]>::to_vec) else {
        return;
    };
    let (mut end, mut table) = (header.saturating_add(128), Vec::new());
    while let Ok(((name, _, length, _), after)) = postcard::take_from_bytes::<Row>(&rest) {
        let Some(start) = end.checked_next_multiple_of(64) else {
            break;
        };
        end = start.saturating_add(length as usize);
        let hash: [u8; 32] = blake3::hash(file.get(start..end).unwrap_or(&[])).into();
        let row: Row = (name, start as u64, length, hash);
        table.extend(postcard::to_stdvec(&row).expect("a row can be written"));
        rest = after.to_vec();
    }
    table.extend(rest);
    file.truncate(at);
    file.extend(table);
}

/// Reads bytes, and panics if they show a fault.
pub type Target = fn(&[u8]);

/// Every target by its name, which is its corpus's too.
pub const TARGETS: [(&str, Target); 6] = [
    ("params", params),
    ("ciphertext", ciphertext),
    ("keys", keys),
    ("circuit", circuit),
    ("circuit_text", circuit_text),
    ("container", container),
];

/// Valid inputs to begin with, by target and name.
pub fn seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    let mut seeds = Vec::new();
    let mut seed = |target, name: &str, control: Option<u8>, bytes: &[u8]| {
        let bytes = control.into_iter().chain(bytes.iter().copied()).collect();
        seeds.push((target, name.to_owned(), bytes));
    };
    let postcard = |value: &dyn Fn() -> Result<Vec<u8>, postcard::Error>| value().expect("encodes");

    let spec = ParamsSpec {
        log_n: 13,
        chain_bits: vec![46, 38, 38, 38],
        special_bits: vec![48],
        digits: vec![1; 4],
        scale_bits: 38,
    };
    seed(
        "params",
        "spec",
        Some(0),
        &postcard(&|| postcard::to_stdvec(&spec)),
    );
    let scale = Scale::parse("2^80/q3^2*q1").expect("a scale");
    seed(
        "params",
        "scale",
        Some(1),
        &postcard(&|| postcard::to_stdvec(&scale)),
    );
    seed("params", "scale-text", Some(2), b"2^80/q3^2*q1");
    let keys = KeyManifest {
        rotations: [
            (Rotation::new(3, 16), Level(2)),
            (Rotation::new(5, 16), Level(1)),
        ]
        .into(),
        conjugation: None,
        relinearization: Some(Level(2)),
    };
    seed(
        "params",
        "manifest",
        Some(3),
        &postcard(&|| postcard::to_stdvec(&keys)),
    );

    let ring = ring();
    let mut randomness = ckks::Randomness::from_seed_for_tests([1; 32]);
    let secret = SecretKey::generate(ring, &mut randomness);
    let scale = ring.params().scale();
    for level in 0..=ring.params().max_level().0 {
        let plain = ring
            .encode(
                &[0.5, -0.25],
                &if level == 0 {
                    Scale::power_of_two(20)
                } else {
                    scale.clone()
                },
                Level(level),
                ckks::Basis::Q,
            )
            .expect("the values fit");
        let x = ring.encrypt(&plain, &secret, &mut randomness);
        seed(
            "ciphertext",
            &format!("level-{level}"),
            Some(0x80),
            &x.to_bytes(),
        );
        if level > 1 {
            let square = ring
                .square(&x)
                .and_then(|y| ring.rescale(&y))
                .expect("a level is left");
            seed(
                "ciphertext",
                &format!("square-{level}"),
                Some(0x80),
                &square.to_bytes(),
            );
        }
    }
    seed("keys", "secret", Some(0x81), &secret.to_bytes());
    let public = PublicKey::generate(ring, &secret, &mut randomness);
    seed("keys", "public", Some(0x82), &public.to_bytes());
    for level in [Level(0), Level(2), Level(4)] {
        let key = KeySwitchKey::relinearization(ring, &secret, level, &mut randomness);
        seed(
            "keys",
            &format!("relinearization-{level}"),
            Some(0x80),
            &key.to_bytes(),
        );
        let galois = Rotation::new(3, ring.params().n_slots()).galois(ring.params().log_n());
        let key = KeySwitchKey::rotation(ring, &secret, galois, level, &mut randomness);
        seed(
            "keys",
            &format!("rotation-{level}"),
            Some(0x80),
            &key.to_bytes(),
        );
    }

    for (name, text) in CIRCUITS {
        seed("circuit_text", name, None, text.as_bytes());
        let parts = circuit::parse(text).expect("a sound circuit").to_parts();
        let mut bytes = postcard::to_stdvec(&parts.form).expect("a form can be written");
        bytes.extend(parts.numbers.iter().flat_map(|x| x.to_le_bytes()));
        bytes.extend(parts.slots.iter().flat_map(|x| x.to_le_bytes()));
        seed("circuit", name, Some(4 * parts.slots.len() as u8), &bytes);
    }

    let header: Header = ("model".to_owned(), [3; 32], Some([4; 16]), Some(true));
    let header = postcard::to_stdvec(&header).expect("a header can be written");
    let section = |name: &str, length: u8| (name.to_owned(), (0..length).collect::<Vec<u8>>());
    let files = [
        ("empty", vec![], 0xe0),
        ("one", vec![section("secret", 9)], 0x81),
        (
            "three",
            vec![section("ct/0", 70), section("ct/1", 64), section("ct/2", 0)],
            0xe4,
        ),
    ];
    for (name, sections, control) in files {
        let kind = FileKind::ALL[usize::from(control & 0x1f)];
        let file = assembled(kind, &[7; 32], &header, &sections);
        seed("container", name, Some(control), &file);
    }
    seeds
}

/// Small circuits that together have every operation.
const CIRCUITS: [(&str, &str); 3] = [
    (
        "linear",
        "\
; params: n=2^12 q=34,30 p=36 digits=1,1 scale=2^30
; bound: 4.5
; keys: 1@L1
; layer 0: fc 1
plain @fc/w period 4 = [1.0, 2.0, 0.5, 0.0]
plain @fc.b period 8 = {1: 0.5, 6: -1e-3}
circuit (%0: ct L1 2^30) {
  %1 = rotate %0 by 1 baby #0
  %2 = mul_plain %1 * @fc/w at 2^30 #0
  %3 = add_plain %2 + @fc.b #0
  %4 = rescale %3
  return %4
}
",
    ),
    (
        "products",
        "\
; slots: 8
circuit (%0: ct, %1: ct) {
  %2 = mul %0, %1
  %3 = relinearize %2
  %4 = square %3
  %5 = relinearize %4
  %6 = rescale %5
  %7 = drop_level %6 to L0
  %8 = neg %7
  %9 = mul_scalar %8 * -0.5 at 2^20
  %10 = conjugate %9
  %11 = sub %10, %9
  %12 = mul_plain %11 * [1.0]
  return %12, %3
}
",
    ),
    (
        "hoisted",
        "\
; slots: 16
; layer 0: conv
circuit (%0: ct) {
  %1 = decompose %0
  %2 = rotate_hoisted %1 by 3 giant
  %3 = rotate_hoisted %1 by 5 collapse #0
  %4 = extend %0
  %5 = sum %2, %3, %4
  %6 = mod_down %5
  %7 = mod_down_rescale %5
  %8 = add %6, %6
  %9 = rotate %8 by 1 conversion
  return %9, %7
}
",
    ),
];
