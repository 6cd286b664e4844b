use std::convert::Infallible;

use proptest::prelude::*;

use super::*;

/// RFC 6962 §2.1 read aloud: slow, and nothing shared with the code under test.
fn naive_root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => Digest::of(b""),
        [leaf] => *leaf,
        _ => {
            let k = naive_split(leaves.len());
            Digest::of_parts(&[
                &[1],
                naive_root(&leaves[..k]).as_bytes(),
                naive_root(&leaves[k..]).as_bytes(),
            ])
        }
    }
}

fn naive_split(n: usize) -> usize {
    let mut k = 1;
    while k * 2 < n {
        k *= 2;
    }
    k
}

/// RFC 6962 §2.1.1.
fn naive_path(m: usize, leaves: &[Digest]) -> Vec<Digest> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let k = naive_split(leaves.len());
    let (mut path, sibling) = if m < k {
        (naive_path(m, &leaves[..k]), naive_root(&leaves[k..]))
    } else {
        (naive_path(m - k, &leaves[k..]), naive_root(&leaves[..k]))
    };
    path.push(sibling);
    path
}

/// RFC 6962 §2.1.2.
fn naive_subproof(m: usize, leaves: &[Digest], whole: bool) -> Vec<Digest> {
    if m == leaves.len() {
        return if whole { Vec::new() } else { vec![naive_root(leaves)] };
    }
    let k = naive_split(leaves.len());
    let (mut path, sibling) = if m <= k {
        (naive_subproof(m, &leaves[..k], whole), naive_root(&leaves[k..]))
    } else {
        (naive_subproof(m - k, &leaves[k..], false), naive_root(&leaves[..k]))
    };
    path.push(sibling);
    path
}

fn leaves(n: u64) -> Vec<Digest> {
    (0..n).map(|i| leaf_hash(i.to_string().as_bytes())).collect()
}

fn source(leaves: &[Digest]) -> impl FnMut(Subtree) -> Result<Digest, Infallible> {
    move |node| {
        let at = |i: u64| usize::try_from(i << node.level).unwrap();
        Ok(naive_root(&leaves[at(node.index)..at(node.index + 1)]))
    }
}

fn head(leaves: &[Digest]) -> TreeHead {
    TreeHead { size: leaves.len() as u64, root: naive_root(leaves) }
}

#[test]
fn roots_equal_the_naive_ones_up_to_300_leaves() {
    let all = leaves(300);
    let mut tree = Frontier::default();
    for n in 0..=300 {
        let want = head(&all[..n]);
        assert_eq!(tree.head(), want);
        assert_eq!(root_of(all[..n].iter().copied()), want.root);
        assert_eq!(root_at(want.size, &mut source(&all)), Ok(want.root));
        if n < 300 {
            tree.push(all[n]);
        }
    }
}

#[test]
fn every_path_of_small_trees_equals_the_naive_one_and_verifies() {
    let all = leaves(40);
    for n in 1..=40 {
        let tree = head(&all[..n]);
        for m in 0..n {
            let path = inclusion_path(m as u64, tree.size, &mut source(&all)).unwrap();
            assert_eq!(path, naive_path(m, &all[..n]));
            assert_eq!(verify_inclusion(&all[m], m as u64, &tree, &path), Ok(()));
            let old = head(&all[..m]);
            let path = consistency_path(old.size, tree.size, &mut source(&all)).unwrap();
            if m > 0 {
                assert_eq!(path, naive_subproof(m, &all[..n], true));
            }
            assert_eq!(verify_consistency(&old, &tree, &path), Ok(()));
        }
    }
}

/// Every way to be one off is refused: careless verifiers accept some of these.
#[test]
fn lengths_sizes_and_indices_are_strict() {
    let all = leaves(20);
    for n in 1..=20 {
        let tree = head(&all[..n]);
        for m in 0..n {
            let path = naive_path(m, &all[..n]);
            for wrong in one_off(&path) {
                assert_eq!(
                    verify_inclusion(&all[m], m as u64, &tree, &wrong),
                    Err(ProofError::PathLength),
                    "{m} {n}"
                );
            }
            for other in (0..n + 2).filter(|other| *other != m) {
                assert!(verify_inclusion(&all[m], other as u64, &tree, &path).is_err(), "{m} {n} {other}");
            }
            let old = head(&all[..m]);
            let path = if m == 0 { Vec::new() } else { naive_subproof(m, &all[..n], true) };
            for wrong in one_off(&path) {
                assert!(verify_consistency(&old, &tree, &wrong).is_err(), "{m} {n}");
            }
        }
    }
}

fn one_off(path: &[Digest]) -> Vec<Vec<Digest>> {
    let mut wrong = vec![[path, &[EMPTY_ROOT]].concat(), [&[EMPTY_ROOT], path].concat()];
    if let (Some((_, tail)), Some((_, front))) = (path.split_first(), path.split_last()) {
        wrong.extend([tail.to_vec(), front.to_vec()]);
    }
    wrong
}

#[test]
fn consistency_at_the_edges() {
    let all = leaves(3);
    let (one, three, other) = (head(&all[..1]), head(&all), TreeHead { size: 3, root: all[0] });
    let fake_empty = TreeHead { size: 0, root: all[0] };
    for (old, new, path, want) in [
        (TreeHead::EMPTY, TreeHead::EMPTY, &[][..], Ok(())),
        (TreeHead::EMPTY, three, &[], Ok(())),
        (TreeHead::EMPTY, three, &all[..1], Err(ProofError::PathLength)),
        (fake_empty, three, &[], Err(ProofError::RootMismatch)),
        (fake_empty, fake_empty, &[], Err(ProofError::RootMismatch)),
        (three, three, &[], Ok(())),
        (three, three, &all[..1], Err(ProofError::PathLength)),
        (three, other, &[], Err(ProofError::RootMismatch)),
        (one, three, &[], Err(ProofError::PathLength)),
        (three, one, &[], Err(ProofError::SizeFell { old: 3, new: 1 })),
    ] {
        assert_eq!(verify_consistency(&old, &new, path), want, "{old:?} {new:?}");
    }
}

#[test]
fn the_largest_sizes_do_not_overflow() {
    let tree = TreeHead { size: u64::MAX, root: EMPTY_ROOT };
    let path = [EMPTY_ROOT; 64];
    assert_eq!(verify_inclusion(&EMPTY_ROOT, u64::MAX - 1, &tree, &path), Err(ProofError::PathLength));
    assert_eq!(verify_inclusion(&EMPTY_ROOT, 0, &tree, &path), Err(ProofError::RootMismatch));
    let old = TreeHead { size: (1 << 63) + 1, root: EMPTY_ROOT };
    assert!(verify_consistency(&old, &tree, &path).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_two_heads_of_one_run_are_consistent(m in 0_u64..600, extra in 0_u64..600) {
        let all = leaves(m + extra);
        let (old, new) = (head(&all[..usize::try_from(m).unwrap()]), head(&all));
        let path = consistency_path(m, new.size, &mut source(&all)).unwrap();
        prop_assert_eq!(verify_consistency(&old, &new, &path), Ok(()));
    }

    #[test]
    fn any_flipped_bit_of_a_path_is_seen(n in 2_u64..400, pick: prop::sample::Index, bit in 0_usize..256) {
        let all = leaves(n);
        let tree = head(&all);
        let index = pick.index(all.len());
        let good = inclusion_path(index as u64, n, &mut source(&all)).unwrap();
        let place = pick.index(good.len());
        let mut bad = good.clone();
        bad[place].0[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(verify_inclusion(&all[index], index as u64, &tree, &good), Ok(()));
        prop_assert_eq!(verify_inclusion(&all[index], index as u64, &tree, &bad), Err(ProofError::RootMismatch));

        let old = head(&all[..index.max(1)]);
        let mut path = consistency_path(old.size, n, &mut source(&all)).unwrap();
        let place = pick.index(path.len());
        path[place].0[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(verify_consistency(&old, &tree, &path), Err(ProofError::RootMismatch));
    }
}
