//! How a run as a whole went.

use super::verdict::{CANNOT_BE_HAD, Ran};

/// Shows how many of how many went well.
pub fn print(all: &[Ran]) {
    let ran = all.iter().filter(|ran| ran.unavailable.is_none());
    let cells: usize = ran.clone().map(|ran| ran.cells.len()).sum();
    println!(
        "\nvm-test: {} of {cells} scenes passed, {} boots, {:.0} s",
        cells - failures(all).len(),
        ran.count(),
        all.iter().map(|ran| ran.seconds).sum::<f64>()
    );
}

/// The names of the scenes that failed.
pub fn failures(all: &[Ran]) -> Vec<String> {
    all.iter()
        .filter(|ran| ran.unavailable.is_none())
        .flat_map(|ran| ran.cells.iter().map(move |cell| (ran, cell)))
        .filter(|(_, cell)| cell.failure.is_some())
        .map(|(ran, cell)| format!("{}/{}/{}", ran.kernel.name, ran.hierarchy.name(), cell.name))
        .collect()
}

/// Why the run as a whole is no success: the scenes that failed, and the guests that cannot be had. The
/// reason of each is in its own line.
pub fn complaint(all: &[Ran]) -> Option<String> {
    let failed = failures(all);
    let absent = all.iter().filter(|ran| ran.unavailable.is_some());
    let unavailable: Vec<String> = absent.map(Ran::place).collect();
    let parts = [("failed", failed), (CANNOT_BE_HAD, unavailable)];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(what, names)| format!("{what}: {}", names.join(", ")))
        .collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm_test::frames::Scene;
    use crate::vm_test::kernels::KERNELS;
    use crate::vm_test::plan::{Cell, Hierarchy};
    use crate::vm_test::verdict::Verdict;

    #[test]
    fn a_kernel_that_cannot_be_had_has_not_failed() {
        let cell = Cell {
            hierarchy: Hierarchy::V2,
            scenes: vec!["plain", "global"],
        };
        let absent = Ran::unavailable(&KERNELS[0], "", &cell, "no mirror".to_owned());
        let failed = Verdict {
            name: "global",
            failure: Some("no event".to_owned()),
            scene: Scene::default(),
        };
        let all = [absent, Ran::for_test(vec![failed])];
        assert_eq!(failures(&all[..1]), [""; 0]);
        assert_eq!(
            complaint(&all).unwrap(),
            "failed: 5.10/v2/global; cannot be had: 5.10 v2"
        );
        assert_eq!(complaint(&[]), None);
    }
}
