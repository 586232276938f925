//! Makes Rust of the contract, without `protoc`.
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let protos = "../../protos";
    println!("cargo:rerun-if-changed={protos}/outrider/scorer/v1/scorer.proto");
    let contract = protox::compile(["outrider/scorer/v1/scorer.proto"], [protos])?;
    tonic_prost_build::configure()
        .build_client(false)
        .build_transport(false)
        .generate_default_stubs(true)
        .compile_fds(contract)?;
    Ok(())
}
