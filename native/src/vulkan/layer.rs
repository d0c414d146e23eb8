//! The Vulkan layer: hides the cards that this thread did not choose from `vkEnumeratePhysicalDevices`.
//!
//! The one file of this crate with `unsafe`: a layer speaks to the Vulkan loader through C function pointers and
//! structs (Vulkan Loader, "Loader and Layer Interface", version 2 of the interface). It does as little as a layer
//! can: it stands in the instance's chain only, changes the answers of two functions, and passes everything else on.
//! The second is the properties' limits, see [`MOST_DYNAMIC_BUFFERS`].
//! TypeScript (`src/device/webgpu/layer.ts`) writes its manifest and names it in `VK_INSTANCE_LAYERS`.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_void};
use std::mem::transmute;
use std::sync::{Mutex, PoisonError};

use ash::vk::{self, Handle, StructureType};

use super::{Card, admit, number_copies};

/// `VkNegotiateLayerInterface` of `vk_layer.h`.
#[repr(C)]
pub struct NegotiateInterface {
    s_type: i32,
    p_next: *mut c_void,
    version: u32,
    get_instance_proc_addr: Option<vk::PFN_vkGetInstanceProcAddr>,
    get_device_proc_addr: Option<vk::PFN_vkGetDeviceProcAddr>,
    get_physical_device_proc_addr: Option<vk::PFN_vkGetInstanceProcAddr>,
}

/// `VkLayerInstanceLink` of `vk_layer.h`: what comes after this layer.
#[repr(C)]
struct Link {
    next: *mut Link,
    get_instance_proc_addr: vk::PFN_vkGetInstanceProcAddr,
    get_physical_device_proc_addr: Option<vk::PFN_vkGetInstanceProcAddr>,
}

/// `VkLayerInstanceCreateInfo` of `vk_layer.h`, with the only member of its union that concerns a layer like this.
#[repr(C)]
struct LinkInfo {
    s_type: StructureType,
    p_next: *const c_void,
    function: i32,
    link: *mut Link,
}

/// `VK_LAYER_LINK_INFO`.
const LAYER_LINK_INFO: i32 = 0;

/// Dawn uses no more dynamic buffers than this in a pipeline layout, and prints two lines on standard error for every
/// adapter that offers more (llvmpipe: 1,000,000). Offered what it would use, it is quiet.
const MOST_DYNAMIC_BUFFERS: u32 = 16;

/// An instance of the application with what comes after this layer.
#[derive(Clone)]
struct Next {
    get_instance_proc_addr: vk::PFN_vkGetInstanceProcAddr,
    get_physical_device_proc_addr: Option<vk::PFN_vkGetInstanceProcAddr>,
    functions: ash::Instance,
    has_properties2: bool,
}

/// The living instances by their keys. The loader's interface has no other place to keep them.
static INSTANCES: Mutex<BTreeMap<usize, Next>> = Mutex::new(BTreeMap::new());

/// What an instance and its physical devices have in common: handles point to objects that begin with a pointer to the
/// loader's table of functions for the instance.
fn key_of(handle: impl Handle) -> Option<usize> {
    let object = handle.as_raw() as *const usize;
    // SAFETY: the loader gives handles of living objects, or null.
    unsafe { object.as_ref() }.copied()
}

fn next_of(handle: impl Handle) -> Option<Next> {
    let key = key_of(handle)?;
    let instances = INSTANCES.lock().unwrap_or_else(PoisonError::into_inner);
    instances.get(&key).cloned()
}

/// The entry point that the manifest names.
///
/// # Safety
/// Called by the Vulkan loader with a valid pointer.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn tacet_vulkan_negotiate(interface: *mut NegotiateInterface) -> vk::Result {
    // SAFETY: the loader gives a pointer that is valid during this call.
    let Some(interface) = (unsafe { interface.as_mut() }) else {
        return vk::Result::ERROR_INITIALIZATION_FAILED;
    };
    if interface.version < 2 {
        return vk::Result::ERROR_INITIALIZATION_FAILED;
    }
    interface.version = 2;
    interface.get_instance_proc_addr = Some(get_instance_proc_addr);
    interface.get_device_proc_addr = None;
    interface.get_physical_device_proc_addr = Some(get_physical_device_proc_addr);
    vk::Result::SUCCESS
}

unsafe extern "system" fn get_instance_proc_addr(
    instance: vk::Instance,
    name: *const c_char,
) -> vk::PFN_vkVoidFunction {
    if name.is_null() {
        return None;
    }
    // SAFETY: the loader gives a C string.
    let own = own_function(unsafe { CStr::from_ptr(name) });
    if own.is_some() {
        return own;
    }
    let next = next_of(instance)?;
    // SAFETY: the next one of the chain is asked what this one was asked.
    unsafe { (next.get_instance_proc_addr)(instance, name) }
}

/// This layer's own version of a function.
fn own_function(name: &CStr) -> vk::PFN_vkVoidFunction {
    // SAFETY: any function pointer may pass as PFN_vkVoidFunction; the caller casts it back to the type that belongs to
    // the name.
    unsafe {
        match name.to_bytes() {
            b"vkGetInstanceProcAddr" => {
                transmute::<vk::PFN_vkGetInstanceProcAddr, vk::PFN_vkVoidFunction>(get_instance_proc_addr)
            }
            b"vkCreateInstance" => {
                transmute::<vk::PFN_vkCreateInstance, vk::PFN_vkVoidFunction>(create_instance)
            }
            b"vkDestroyInstance" => {
                transmute::<vk::PFN_vkDestroyInstance, vk::PFN_vkVoidFunction>(destroy_instance)
            }
            b"vkEnumeratePhysicalDevices" => transmute::<
                vk::PFN_vkEnumeratePhysicalDevices,
                vk::PFN_vkVoidFunction,
            >(enumerate_physical_devices),
            b"vkGetPhysicalDeviceProperties" => {
                transmute::<vk::PFN_vkGetPhysicalDeviceProperties, vk::PFN_vkVoidFunction>(get_properties)
            }
            b"vkGetPhysicalDeviceProperties2" => {
                transmute::<vk::PFN_vkGetPhysicalDeviceProperties2, vk::PFN_vkVoidFunction>(get_properties2)
            }
            _ => None,
        }
    }
}

unsafe extern "system" fn get_properties(
    device: vk::PhysicalDevice,
    properties: *mut vk::PhysicalDeviceProperties,
) {
    let Some(next) = next_of(device) else { return };
    // SAFETY: the caller's arguments go on to the next one of the chain, which fills what `properties` points to.
    unsafe {
        (next.functions.fp_v1_0().get_physical_device_properties)(device, properties);
        if let Some(properties) = properties.as_mut() {
            offer_what_is_used(&mut properties.limits);
        }
    }
}

unsafe extern "system" fn get_properties2(
    device: vk::PhysicalDevice,
    properties: *mut vk::PhysicalDeviceProperties2<'_>,
) {
    let Some(next) = next_of(device).filter(|next| next.has_properties2) else {
        return;
    };
    // SAFETY: as above.
    unsafe {
        (next.functions.fp_v1_1().get_physical_device_properties2)(device, properties);
        if let Some(properties) = properties.as_mut() {
            offer_what_is_used(&mut properties.properties.limits);
        }
    }
}

fn offer_what_is_used(limits: &mut vk::PhysicalDeviceLimits) {
    for limit in [
        &mut limits.max_descriptor_set_uniform_buffers_dynamic,
        &mut limits.max_descriptor_set_storage_buffers_dynamic,
    ] {
        *limit = (*limit).min(MOST_DYNAMIC_BUFFERS);
    }
}

unsafe extern "system" fn get_physical_device_proc_addr(
    instance: vk::Instance,
    name: *const c_char,
) -> vk::PFN_vkVoidFunction {
    let get = next_of(instance)?.get_physical_device_proc_addr?;
    // SAFETY: the next one of the chain is asked what this one was asked.
    unsafe { get(instance, name) }
}

unsafe extern "system" fn create_instance(
    create_info: *const vk::InstanceCreateInfo<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    instance: *mut vk::Instance,
) -> vk::Result {
    // SAFETY: the loader puts a list of links into the chain of `create_info`; each layer takes the first of them and
    // leaves the rest to the next layer. The functions are loaded from the instance that was just made.
    unsafe {
        let Some(info) = find_link_info(create_info) else {
            return vk::Result::ERROR_INITIALIZATION_FAILED;
        };
        let Some(link) = (*info).link.as_ref() else {
            return vk::Result::ERROR_INITIALIZATION_FAILED;
        };
        let get = link.get_instance_proc_addr;
        let Some(create) = get(vk::Instance::null(), c"vkCreateInstance".as_ptr()) else {
            return vk::Result::ERROR_INITIALIZATION_FAILED;
        };
        (*info).link = link.next;
        let create = transmute::<unsafe extern "system" fn(), vk::PFN_vkCreateInstance>(create);
        let result = create(create_info, allocator, instance);
        if result != vk::Result::SUCCESS {
            return result;
        }
        let made = *instance;
        let load = |name: &CStr| {
            get(made, name.as_ptr()).map_or(std::ptr::null(), |function| function as *const c_void)
        };
        let next = Next {
            get_instance_proc_addr: get,
            get_physical_device_proc_addr: link.get_physical_device_proc_addr,
            functions: ash::Instance::load_with(load, made),
            has_properties2: get(made, c"vkGetPhysicalDeviceProperties2".as_ptr()).is_some(),
        };
        if let Some(key) = key_of(made) {
            let mut instances = INSTANCES.lock().unwrap_or_else(PoisonError::into_inner);
            instances.insert(key, next);
        }
        result
    }
}

/// The loader's own struct in the chain of an instance's create info.
///
/// # Safety
/// The chain must be one that the loader gives to a layer.
unsafe fn find_link_info(create_info: *const vk::InstanceCreateInfo<'_>) -> Option<*mut LinkInfo> {
    // SAFETY: every struct of a Vulkan chain begins like `BaseInStructure`; the loader allows its own to be changed.
    unsafe {
        let mut at = create_info.as_ref()?.p_next.cast::<vk::BaseInStructure<'_>>();
        while let Some(base) = at.as_ref() {
            if base.s_type == StructureType::LOADER_INSTANCE_CREATE_INFO {
                let info = at.cast::<LinkInfo>().cast_mut();
                if (*info).function == LAYER_LINK_INFO {
                    return Some(info);
                }
            }
            at = base.p_next;
        }
        None
    }
}

unsafe extern "system" fn destroy_instance(
    instance: vk::Instance,
    allocator: *const vk::AllocationCallbacks<'_>,
) {
    let removed = key_of(instance).and_then(|key| {
        let mut instances = INSTANCES.lock().unwrap_or_else(PoisonError::into_inner);
        instances.remove(&key)
    });
    if let Some(next) = removed {
        // SAFETY: the caller's arguments go on to the next one of the chain.
        unsafe { (next.functions.fp_v1_0().destroy_instance)(instance, allocator) }
    }
}

unsafe extern "system" fn enumerate_physical_devices(
    instance: vk::Instance,
    count: *mut u32,
    devices: *mut vk::PhysicalDevice,
) -> vk::Result {
    let Some(next) = next_of(instance) else {
        return vk::Result::ERROR_INITIALIZATION_FAILED;
    };
    // SAFETY: Vulkan's two calls: without an array the count is asked for, with one `count` says how many it holds.
    unsafe {
        let all = match next.functions.enumerate_physical_devices() {
            Ok(all) => all,
            Err(error) => return error,
        };
        let mut cards: Vec<Card> = all.iter().map(|&device| describe(&next, device)).collect();
        number_copies(&mut cards);
        let admitted = admit(cards);
        let shown = all
            .iter()
            .zip(admitted)
            .filter_map(|(&device, shown)| shown.then_some(device));
        let shown: Vec<vk::PhysicalDevice> = shown.collect();
        let Some(count) = count.as_mut() else {
            return vk::Result::ERROR_INITIALIZATION_FAILED;
        };
        if devices.is_null() {
            *count = shown.len() as u32;
            return vk::Result::SUCCESS;
        }
        let room = shown.len().min(*count as usize);
        devices.copy_from_nonoverlapping(shown.as_ptr(), room);
        *count = room as u32;
        if room < shown.len() {
            vk::Result::INCOMPLETE
        } else {
            vk::Result::SUCCESS
        }
    }
}

/// What the driver says of a device.
///
/// # Safety
/// `device` must come from the instance that `next` belongs to.
unsafe fn describe(next: &Next, device: vk::PhysicalDevice) -> Card {
    // SAFETY: the device is alive as long as its instance; structs are chained only where the device knows them.
    unsafe {
        let extensions = next
            .functions
            .enumerate_device_extension_properties(device)
            .unwrap_or_default();
        let has = |name: &CStr| {
            extensions
                .iter()
                .any(|extension| extension.extension_name_as_c_str() == Ok(name))
        };
        let properties = next.functions.get_physical_device_properties(device);
        let mut id = vk::PhysicalDeviceIDProperties::default();
        let mut driver = vk::PhysicalDeviceDriverProperties::default();
        let mut pci = vk::PhysicalDevicePCIBusInfoPropertiesEXT::default();
        let has_pci = has(ash::ext::pci_bus_info::NAME);
        if next.has_properties2 && properties.api_version >= vk::API_VERSION_1_1 {
            let mut all = vk::PhysicalDeviceProperties2::default().push_next(&mut id);
            if properties.api_version >= vk::API_VERSION_1_2 || has(ash::khr::driver_properties::NAME) {
                all = all.push_next(&mut driver);
            }
            if has_pci {
                all = all.push_next(&mut pci);
            }
            next.functions.get_physical_device_properties2(device, &mut all);
        }
        let memory = next.functions.get_physical_device_memory_properties(device);
        let heaps = memory.memory_heaps_as_slice().iter();
        let local = heaps.filter(|heap| heap.flags.contains(vk::MemoryHeapFlags::DEVICE_LOCAL));
        Card {
            name: text(properties.device_name_as_c_str()),
            uuid: format_uuid(id.device_uuid),
            copy: 0,
            pci_address: (has_pci && next.has_properties2).then(|| {
                format!(
                    "{:04x}:{:02x}:{:02x}.{:x}",
                    pci.pci_domain, pci.pci_bus, pci.pci_device, pci.pci_function
                )
            }),
            kind: match properties.device_type {
                vk::PhysicalDeviceType::DISCRETE_GPU => "discrete",
                vk::PhysicalDeviceType::INTEGRATED_GPU => "integrated",
                vk::PhysicalDeviceType::VIRTUAL_GPU => "virtual",
                vk::PhysicalDeviceType::CPU => "software",
                _ => "other",
            },
            driver: format!(
                "{} {}",
                text(driver.driver_name_as_c_str()),
                text(driver.driver_info_as_c_str())
            )
            .trim()
            .to_owned(),
            memory_bytes: local.map(|heap| heap.size).max().unwrap_or(0),
        }
    }
}

fn text<E>(string: Result<&CStr, E>) -> String {
    string.map_or_else(|_| String::new(), |string| string.to_string_lossy().into_owned())
}

fn format_uuid(bytes: [u8; 16]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

#[cfg(test)]
mod tests {
    use super::{format_uuid, offer_what_is_used};
    use ash::vk;

    #[test]
    fn dynamic_buffers_are_offered_as_far_as_dawn_uses_them() {
        let mut limits = vk::PhysicalDeviceLimits {
            max_descriptor_set_uniform_buffers_dynamic: 1_000_000,
            max_descriptor_set_storage_buffers_dynamic: 8,
            ..Default::default()
        };
        offer_what_is_used(&mut limits);
        assert_eq!(limits.max_descriptor_set_uniform_buffers_dynamic, 16);
        assert_eq!(limits.max_descriptor_set_storage_buffers_dynamic, 8);
    }

    #[test]
    fn uuids_read_as_vulkaninfo_prints_them() {
        let bytes = *b"mesa25.0.7-2~bp\0";
        assert_eq!(format_uuid(bytes), "6d657361-3235-2e30-2e37-2d327e627000");
    }
}
