//! What differs between the architectures of the guests. To add one, add a table.

/// An architecture that guests run on.
#[derive(Debug, PartialEq, Eq)]
pub struct Arch {
    /// As rustc calls it in `target_arch`.
    pub name: &'static str,
    /// As Debian calls it.
    pub debian: &'static str,
    /// What rustc builds the guests' programs for.
    pub target: &'static str,
    /// Emulates it.
    pub qemu: &'static str,
    /// Package of the emulator.
    pub qemu_package: &'static str,
    /// The machine, as arguments of the emulator.
    pub machine: &'static [&'static str],
    /// The processor to emulate.
    pub processor: &'static str,
    /// What makes the serial line of the frames; the first line of each machine is the console's.
    pub frames: FramesPort,
    /// The kernel's name of the console.
    pub console: &'static str,
    /// The linker for it on a machine of another architecture.
    pub linker: &'static str,
    /// Packages of that linker and of the static C library.
    pub cross_packages: &'static [&'static str],
}

/// How frames leave the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FramesPort {
    /// The machine's own second port.
    Second,
    /// The machine has one port only, so another one on its bus.
    OnBus,
}

/// A PC.
pub const X86_64: Arch = Arch {
    name: "x86_64",
    debian: "amd64",
    target: "x86_64-unknown-linux-gnu",
    qemu: "qemu-system-x86_64",
    qemu_package: "qemu-system-x86",
    machine: &[],
    processor: "max",
    frames: FramesPort::Second,
    console: "ttyS0",
    linker: "x86_64-linux-gnu-gcc",
    cross_packages: &["gcc-x86-64-linux-gnu", "libc6-dev-amd64-cross"],
};

/// QEMU's own machine of that architecture.
pub const AARCH64: Arch = Arch {
    name: "aarch64",
    debian: "arm64",
    target: "aarch64-unknown-linux-gnu",
    qemu: "qemu-system-aarch64",
    qemu_package: "qemu-system-arm",
    machine: &["-machine", "virt,gic-version=3"],
    // What costs an emulator most and has no part in this: 52-bit addresses, and signed pointers by the
    // architecture's own cipher.
    processor: "max,lpa2=off,pauth-impdef=on",
    frames: FramesPort::OnBus,
    console: "ttyAMA0",
    linker: "aarch64-linux-gnu-gcc",
    cross_packages: &["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"],
};

impl Arch {
    /// This machine's own.
    pub fn is_native(&self) -> bool {
        self.name == std::env::consts::ARCH
    }
}
